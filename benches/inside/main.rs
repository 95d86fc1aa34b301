//! What happens inside, apart from HTTP and the door: how long each step of a check takes, and of a write and a list.
//!
//! `cargo bench` measures; `cargo test --bench inside` does each once, so that it goes on building and working. Whoever
//! takes a dialect out that is measured here takes its file out with it.

mod check;
mod commit;
mod credential;
mod rql;
mod stage;

fn main() {
    divan::main();
}
