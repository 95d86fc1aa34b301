//! Kodexa's clients, run here.
