//! Prometheus' text format 0.0.4, made from the OpenMetrics that the library writes.

/// The two formats differ for counters alone: OpenMetrics names the family without `_total`, Prometheus with it.
pub(super) fn classic(open_metrics: &str) -> String {
    let mut text = String::with_capacity(open_metrics.len() + 512);
    let mut help = None;
    for line in open_metrics.lines() {
        if line.starts_with("# HELP ") {
            help = Some(line);
            continue;
        }
        if let Some(described) = line.strip_prefix("# TYPE ") {
            let (name, kind) = described.split_once(' ').unwrap_or((described, "untyped"));
            let suffix = if kind == "counter" { "_total" } else { "" };
            if let Some(words) = help.take().and_then(|help| help.strip_prefix("# HELP ")?.strip_prefix(name)) {
                text.push_str(&format!("# HELP {name}{suffix}{words}\n"));
            }
            text.push_str(&format!("# TYPE {name}{suffix} {kind}\n"));
            continue;
        }
        text.push_str(line);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_named_as_its_samples_are_and_everything_else_stays() {
        let open = "# HELP x_panics Panics.\n# TYPE x_panics counter\nx_panics_total{place=\"task\"} 1\n\
                    # HELP x_files Files.\n# TYPE x_files gauge\nx_files 3\n";
        let text = "# HELP x_panics_total Panics.\n# TYPE x_panics_total counter\nx_panics_total{place=\"task\"} 1\n\
                    # HELP x_files Files.\n# TYPE x_files gauge\nx_files 3\n";
        assert_eq!(classic(open), text);
    }
}
