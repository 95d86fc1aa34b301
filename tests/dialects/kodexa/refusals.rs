//! TBD for now: refusals.
