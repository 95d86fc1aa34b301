//! Dataprep's scripts, run here.
