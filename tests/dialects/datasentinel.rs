//! Datasentinel's scripts, run here.
