//! The one table from requests to acts of the desk. It decides nothing: every act checks its own actor.

use super::{request::Request, serve::Answering};
use crate::{
    domain::{event::Actor, limits, people::Person, signature::PublicKey, vote::Asked},
    gateway::{Desk, Refused},
};
use serde::Serialize;
use serde_json::Value;

fn told<T: Serialize>(answer: Result<T, Refused>) -> Result<Value, Refused> {
    answer.map(|answer| serde_json::to_value(answer).expect("an answer is a struct whose maps have words for keys"))
}

impl Answering for Desk {
    async fn who(&self, key: &PublicKey) -> Result<Person, Refused> {
        self.who(key).await
    }

    async fn act(&self, by: Actor, request: Request) -> Result<Value, Refused> {
        use Request as R;
        match request {
            R::Whoami {} => told(self.whoami(by).await),
            R::Status {} => told(self.status(by).await),

            R::StaffEnroll { name, roles, key, until } => told(self.staff_enroll(by, name, roles, key, until).await),
            R::StaffList {} => told(self.staff_list(by).await),
            R::BreakGlassList {} => told(self.break_glass_list(by).await),
            R::BreakGlassReview { used, reason } => told(self.break_glass_review(by, used, reason).await),

            R::VendorAdd { document } => told(self.vendor_add(by, document).await),
            R::VendorConfirm { vendor, revision, signature } => told(self.vendor_confirm(by, vendor, revision, signature).await),
            R::VendorToken { vendor, token, until } => told(self.vendor_token(by, vendor, token, until).await),
            R::VendorConfirmToken { vendor, token, signature } => {
                told(self.vendor_confirm_token(by, vendor, token, signature).await)
            }
            R::VendorList {} => told(self.vendor_list(by).await),
            R::VendorShow { vendor } => told(self.vendor_show(by, vendor).await),
            R::KeyList { vendor } => told(self.key_list(by, vendor).await),
            R::KeyShowRecipient {} => told(self.key_show_recipient(by).await),

            R::TicketSubmit { document } => told(self.ticket_submit(by, document).await),
            R::TicketList { awaiting, states } => told(self.ticket_list(by, awaiting, states).await),
            R::TicketShow { ticket } => told(self.ticket_show(by, ticket).await),
            R::TicketDiagram { ticket, drawing } => told(self.ticket_diagram(by, ticket, drawing).await),
            R::TicketRevise { ticket, base, document } => told(self.ticket_revise(by, ticket, base, document).await),
            R::TicketReview { ticket } => told(self.ticket_review(by, ticket).await),
            R::TicketVotes { ticket } => told(self.ticket_votes(by, ticket).await),
            R::TicketVote { ticket, question, revision, policy, ballot, signature } => {
                told(self.ticket_vote(by, Asked { ticket, question, revision, policy, after: None }, ballot, signature).await)
            }
            R::TicketActivate { ticket } => told(self.ticket_activate(by, ticket).await),
            R::RiskAccept { ticket, document, signature } => told(self.risk_accept(by, ticket, document, signature).await),
            R::TicketWithdraw { ticket, reason } => told(self.ticket_withdraw(by, ticket, reason).await),
            R::TicketSuspend { ticket, reason } => told(self.ticket_suspend(by, ticket, reason).await),
            R::TicketResume { ticket, reason } => told(self.ticket_resume(by, ticket, reason).await),
            R::TicketStatement { ticket, on } => told(self.ticket_statement(by, ticket, on).await),
            R::TicketAttest { ticket, on, signature } => told(self.ticket_attest(by, ticket, on, signature).await),
            R::TicketWaiveDeletion { ticket, reason } => told(self.ticket_waive_deletion(by, ticket, reason).await),

            R::PolicySimulate { document } => told(self.policy_simulate(by, document).await),

            R::DeliveryList { ticket } => told(self.delivery_list(by, ticket).await),
            R::DeliveryShow { ticket, delivery } => told(self.delivery_show(by, ticket, delivery).await),
            R::DeliveryClose { ticket, delivery } => told(self.delivery_close(by, ticket, delivery).await),

            R::FileList { ticket } => told(self.file_list(by, ticket).await),
            R::FileShow { file } => told(self.file_show(by, file).await),
            R::FileRecheck { file } => told(self.file_recheck(by, file).await),
            R::FileDiscard { file, reason } => told(self.file_discard(by, file, reason).await),

            R::Explain { subject } => told(self.explain(by, subject).await),
            R::TransferList { vendor, ticket } => told(self.transfer_list(by, vendor, ticket).await),
            R::SessionList {} => told(self.session_list(by).await),
            R::SessionKill { session, reason } => told(self.session_kill(by, session, reason).await),

            R::Revoke { scope, reason } => told(self.revoke(by, scope, reason).await),
            R::Freeze { reason } => told(self.freeze(by, reason).await),
            R::Unfreeze { reason } => told(self.unfreeze(by, reason).await),
            R::Purge {} => told(self.purge(by).await),

            R::AuditVerify { checkpoint } => told(self.audit_verify(by, checkpoint).await),
            R::AuditTail { after, count } => told(self.audit_tail(by, after, count.min(limits::LISTED_ROWS)).await),
            R::AuditCheckpoint {} => told(self.audit_checkpoint(by).await),
            R::LogTest { destination } => told(self.log_test(by, destination).await),
        }
    }
}
