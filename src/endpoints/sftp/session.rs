//! One connection from accept to its last record: the task that owns it.
//!
//! russh runs a session in a task of its own and gives no way to abort it; dropping its handle would only detach it. It
//! owns the stream, though, and cannot outlive that: every wait in it is for the stream, for its own queues, or in our
//! callbacks, which do not wait for the peer. So a session is ended by severing the stream, and then awaited.

use super::{
    Ended, Violation,
    conversation::{Conversation, LoggedIn},
    greeting::Overheard,
    is_breach,
    service::{Done, Service},
    transport::Transport,
};
use crate::{
    domain::{
        event::{SessionEnd, TransferEnd},
        limits,
    },
    endpoints::{
        listener::{Arrival, Running, Stranger, draining},
        stream::{SeverOnDrop, Switch},
    },
    gateway::{Door, Pickup, Rejected, Severable as _},
};
use russh::{Disconnect, server::RunningSession};
use std::{
    future::poll_fn,
    net::IpAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::atomic::Ordering,
    task::Poll,
};
use tokio::{
    io::BufReader,
    sync::{oneshot, watch},
    time::{self, Instant},
};

struct Connection {
    door: Door,
    address: IpAddr,
    switch: Switch,
    ssh: RunningSession<Conversation>,
    /// However this ends, panics included, russh's task ends soon after.
    _severed_at_the_end: SeverOnDrop,
}

/// Sees one connection through. When it returns, its task has ended, its socket is reset, and its records are durable.
pub(super) async fn attend(arrival: Arrival, door: Door, transport: Transport) {
    let grace = Instant::now() + limits::LOGIN_GRACE;
    let Arrival { stream, address, stranger, mut running } = arrival;
    let switch = stream.switch();
    let severed_at_the_end = SeverOnDrop(switch.clone());
    let (stream, heard) = Overheard::new(stream, transport.offer());
    let stream = BufReader::with_capacity(limits::SSH_READ_BUFFER, stream);
    let (conversation, mut logged_in, refused) = Conversation::new(door.clone(), address, switch.clone(), heard);

    // Until the version lines are exchanged there is no task yet, and dropping the future drops all.
    let greeted = tokio::select! {
        greeted = time::timeout_at(grace, russh::server::run_stream(transport.config(), stream, conversation)) => greeted,
        () = draining(&mut running) => return,
    };
    let ssh = match greeted {
        Ok(Ok(ssh)) => ssh,
        Ok(Err(ended)) => return tell(&door, address, breach(&ended)),
        Err(_) => return door.note_rejected(address, Rejected::GraceExpired),
    };
    let mut connection = Connection { door, address, switch, ssh, _severed_at_the_end: severed_at_the_end };
    match connection.greet(&mut logged_in, grace, &mut running).await {
        Ok(login) => connection.serve(login, stranger, running).await,
        Err(why) => {
            tell(&connection.door, address, why.or(refused.load(Ordering::Relaxed).then_some(Rejected::UnknownOrForeign)))
        }
    }
}

/// Nobody came in. A peer that tried nothing, such as a health check, leaves no trace.
fn tell(door: &Door, address: IpAddr, why: Option<Rejected>) {
    if let Some(why) = why {
        door.note_rejected(address, why);
    }
}

fn breach(ended: &Ended) -> Option<Rejected> {
    match ended {
        Ended::Violation(Violation::TooManyKeys) => Some(Rejected::TooMany),
        Ended::Violation(_) => Some(Rejected::Protocol),
        Ended::Ssh(error) => is_breach(error).then_some(Rejected::Protocol),
    }
}

/// A panic in `serving` is caught, so that the owner of what it borrowed can still write down what was served. `None` then.
async fn unless_it_panics<F: Future>(serving: F) -> Option<F::Output> {
    let mut serving = pin!(serving);
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| serving.as_mut().poll(cx))) {
        Ok(polled) => polled.map(Some),
        Err(_) => {
            tracing::error!("a session's service panicked: one session ends");
            Poll::Ready(None)
        }
    })
    .await
}

/// Why no login came.
enum Over {
    ByItself,
    GraceExpired,
    Draining,
}

impl Connection {
    /// Waits for the login. Without one the connection has ended when this returns: why is for the gateway's counters.
    async fn greet(
        &mut self,
        logged_in: &mut oneshot::Receiver<LoggedIn>,
        grace: Instant,
        running: &mut watch::Receiver<Running>,
    ) -> Result<LoggedIn, Option<Rejected>> {
        let over = tokio::select! {
            biased;
            login = &mut *logged_in => match login {
                Ok(login) => return Ok(login),
                Err(_) => Over::ByItself,
            },
            () = time::sleep_until(grace) => Over::GraceExpired,
            () = draining(running) => Over::Draining,
        };
        self.switch.sever();
        let ended = (&mut self.ssh).await;
        // A login that was under way has its record by now: it is a session, and ends like one.
        if let Ok(login) = logged_in.try_recv() {
            login.pickup.close(SessionEnd::Severed).await;
            return Err(None);
        }
        Err(match over {
            Over::ByItself => ended.err().as_ref().and_then(breach),
            Over::GraceExpired => Some(Rejected::GraceExpired),
            Over::Draining => None,
        })
    }

    async fn serve(mut self, login: LoggedIn, stranger: Stranger, mut running: watch::Receiver<Running>) {
        drop(stranger);
        let LoggedIn { pickup, mut work, ended } = login;
        let session = pickup.session();
        let mut service = Service::new(pickup, self.ssh.handle(), ended);
        let (switch, heard) = (self.switch.clone(), running.clone());
        let cut_at_the_end_of_the_drain = async {
            draining(&mut running).await;
            time::sleep(limits::DRAIN).await;
            switch.sever();
            std::future::pending().await
        };
        let done = tokio::select! {
            done = unless_it_panics(service.run(&mut work, heard)) => done.unwrap_or(Done::Broken),
            never = cut_at_the_end_of_the_drain => never,
        };
        let (how, violation) = self.end(done).await;
        let transfers = match how {
            SessionEnd::Severed => TransferEnd::Severed,
            SessionEnd::Interrupted => TransferEnd::Interrupted,
            _ => TransferEnd::SessionEnded,
        };
        let pickup: Pickup = service.finish(transfers).await;
        pickup.close(how).await;
        let (address, sent) = (self.address, self.switch.sent());
        match violation {
            None => tracing::info!(%session, %address, sent, ?how, "a vendor's session ended"),
            Some(violation) => tracing::warn!(%session, %address, sent, ?how, %violation, "a vendor's session was ended"),
        }
    }

    /// Ends the SSH session, if it has not, and says how it ended.
    async fn end(&mut self, done: Done) -> (SessionEnd, Option<Violation>) {
        let mut ended = None;
        if done != Done::Ended {
            // A peer that takes nothing will not take this either: it has its time, and then the connection is reset.
            let handle = self.ssh.handle();
            let farewell = async {
                let _ = handle.disconnect(Disconnect::ByApplication, "closing".to_owned(), String::new()).await;
                (&mut self.ssh).await
            };
            ended = time::timeout(limits::FAREWELL, farewell).await.ok();
        }
        let severed = self.switch.is_severed();
        let ended = match ended {
            Some(ended) => ended,
            None => {
                if done != Done::Ended {
                    self.switch.sever();
                }
                (&mut self.ssh).await
            }
        };
        if let Err(Ended::Ssh(russh::Error::Join(_))) = &ended {
            tracing::error!("the SSH library panicked: one session ended");
        }
        match (done, ended) {
            _ if severed => (SessionEnd::Severed, None),
            (Done::Idle, _) => (SessionEnd::Idle, None),
            (Done::Broken, _) => (SessionEnd::Interrupted, None),
            (Done::Drained, _) | (Done::Ended, Ok(())) => (SessionEnd::Closed, None),
            (Done::Ended, Err(Ended::Violation(violation))) => (SessionEnd::Protocol, Some(violation)),
            (Done::Ended, Err(Ended::Ssh(error))) if is_breach(&error) => (SessionEnd::Protocol, Some(Violation::Ssh)),
            (Done::Ended, Err(Ended::Ssh(_))) => (SessionEnd::Lost, None),
        }
    }
}
