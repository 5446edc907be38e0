//! Counts what became of deliveries.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// What became of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The receiver acknowledged it.
    Delivered,
    /// The receiver answered something else.
    Refused,
    /// No answer came.
    Unanswered,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Label {
    outcome: &'static str,
}

/// The counters of a server. Clones are the same counters.
#[derive(Clone, Debug, Default)]
pub struct Deliveries {
    outcomes: Family<Label, Counter>,
    disabled: Counter,
}

impl Deliveries {
    /// One has ended so.
    pub fn count(&self, outcome: Outcome) {
        let outcome = match outcome {
            Outcome::Delivered => "delivered",
            Outcome::Refused => "refused",
            Outcome::Unanswered => "unanswered",
        };
        self.outcomes.get_or_create(&Label { outcome }).inc();
    }

    /// The server has disabled a webhook.
    pub fn count_disabled(&self) {
        self.disabled.inc();
    }

    /// Tells a registry of the counters.
    pub fn register(&self, registry: &mut Registry) {
        let help = "Batches of events sent to webhooks, by what became of them";
        registry.register("deliveries", help, self.outcomes.clone());
        let help = "Webhooks that the server has disabled";
        registry.register("disabled", help, self.disabled.clone());
    }
}
