//! Any bytes as a key set: read within its limits, and what is skipped has a reason.
#![no_main]

use jose::{KeySet, KeySetLimits};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let limits = KeySetLimits::default();
    if let Ok(keys) = KeySet::parse(data, &limits) {
        assert!(!keys.keys().is_empty(), "a set without a usable key is an error");
        assert!(keys.keys().len() + keys.skipped().len() <= limits.max_keys);
    }
});
