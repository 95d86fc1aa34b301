//! What the tests of more than one use case stand on.

pub(in crate::service) mod stage;
