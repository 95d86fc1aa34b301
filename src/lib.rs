//! jeton: a self-hosted API access-token service in one binary.
//!
//! This page is the map. A request comes in at the [`door`], which bounds what a connection may take and refuses what
//! isn't clean HTTP/1.1; it is handed to the routes of [`http`], where one table says what is served where and what each
//! route demands; the handler calls a use case of [`service`], which reads from and writes to the [`store`] by the rules
//! of [`core`]. The [command line](cli) makes the same calls, over a socket or in-process. [`ops`] is what a process
//! needs around that: settings, a log, a clock, a data directory.
//!
//! ```text
//! cli ──► door ──► http ──► service ──► store ──► core
//!  └────────────────┴──► ops (clock, entropy, log, settings, data directory, metrics) ──► core
//! ```
//!
//! Arrows point at what a room may name; `core` names nothing. `rusqlite` stays in the store, `rocket` in http, `hyper` in
//! the door, `clap` in the command line. `tests/tidy.rs` holds this.
//!
//! What everything hangs on:
//!
//! - **A secret is a type** ([`core::secret`]) whose `Debug` shows nothing. A token's secret leaves in one reply and is kept
//!   as a keyed digest ([`core::keys`]).
//! - **A pepper gives way to the next as tokens are used.** Each row says which one made its digest and its seal. At a check
//!   the secret is at hand, so a digest under the newest is made there and written with the next batch (`service::rekey`);
//!   what is left of a retired one proves events and checks nothing ([`core::keys`], [`service::peppers`]).
//! - **A token from elsewhere** ([`core::foreign`]) has a row like any, found by its digest: an HMAC over a plain digest of
//!   whatever its text is. Where there is none, what isn't of our form is refused without a look.
//! - **One decision.** [`core::decision::decide`] is the only code that says yes. A route can't be mounted without the
//!   demand that it holds a credential against.
//! - **The gate is that decision at the door.** Proxies ask it about each request of their own (`http::gate::forward`): no
//!   Rocket, no body. What is wanted comes from the proxy's configuration ([`core::wanted`]), what is known of
//!   the request from a trusted peer alone, and a token's own limits ([`core::limits`]) are held against that. Uses that
//!   have to be counted are counted in memory, before they are let through.
//! - **How far a caller reaches** (`service::reach`) is the same decision, asked in each organization that they could manage.
//!   What lies beyond doesn't exist for them.
//! - **Two tracks for a no.** A [`core::refusal::Refusal`] knows nothing of HTTP; a [`core::refusal::Failure`] is a refusal,
//!   busy, a full disk, or broken. Each API renders them by an exhaustive match.
//! - **A dialect translates.** Each of the other vendors' APIs is a file or folder of `http::dialects`: paths, names, forms
//!   and statuses, no rule. Taken out of the list there, the rest builds.
//! - **A write is a value** ([`store::Write`]): it holds time, ids and randomness, and applies itself in a transaction. One
//!   writer applies all, many to a commit, and answers after it. Before it does, it asks the decision again, so nothing is
//!   done with a credential that was revoked meanwhile.
//! - **What takes away is written twice**: to a log beside the database ([`core::journal`]) before the commit that it tells of.
//!   A database from a backup learns at its start what it missed, or isn't served. On a full disk room is kept for it.
//! - **A reply that is lost is given again** to whoever has its idempotency key ([`core::idempotency`]): any write that makes
//!   a token can be handed to `Service::write_once`, which keeps its reply, encrypted, until the token is used.
//! - **A check goes before a sign-in.** Passwords are hashed by one thread that stands back for the others; a try that isn't
//!   worth a hash is answered late (`service::tarpit`).
//! - **A check doesn't write and can't be stale.** (But for one: the first use of a token that waits to replace another commits
//!   that before its answer leaves.) What it read is kept with the generation that was current before; a
//!   commit that may change a decision raises the generation before its reply.
//! - **Every check is counted** ([`service::checks`]), by the hour and by what came of it: in memory, and written down in
//!   batches with the uses. Nothing is decided by these counts.
//! - **What is gathered is bounded, in memory and in work.** Few tokens' uses go into the tables at once; many go into a
//!   spill ([`store::Spill`]), an append each, and are merged later, many uses of a token in one change of its rows. What
//!   is read of one token looks into both; what walks the tables has the spill merged first.
//! - **A token ends in one way** (`service::ending`): with its event, and with the successor that waits for it. Another's place
//!   is taken by [`core::rotation`]'s rules alone, and many end in one call only by the digest of what was looked at
//!   ([`core::revocations`]).
//! - **The page is one more client.** It lies in `static/` and goes by our own API. A session at it ([`core::session`]) is as
//!   good as the password that began it, but for what can't be undone, which wants that password anew; a request by its
//!   cookie shows where it comes from (`http::origin`), whatever its method.
//! - **A backup is one read of one moment** (`store::back_up`), verified before anybody has it, and without the keys, or with
//!   them and encrypted to a passphrase ([`ops::sealed_backup`]). Restoring has the old database or the new one in place at
//!   every moment, and raising a schema keeps the old one.
//! - **A list walks an index.** A filter is one tree ([`core::filter`]), whichever API's words it was written in; its
//!   values are bound to a walk along an index, and how many rows a walk may look at is bounded.
//! - **A clock that jumps ends nothing unannounced.** What is done to a token because nobody uses it is announced
//!   before, and the time between has to be lived through by a running process ([`core::lived`], [`core::idle`]).
//! - **The record of events is a chain with two sealed ends.** It goes on from where its oldest part was removed
//!   (`store::pruned`), to where the last commit left it.
//! - **A feed's key** ([`core::feed`]) stands in a calendar program's URL, and opens that calendar and nothing else.
//! - **Time and randomness come in from outside** ([`core::time::Clock`], [`core::secret::Entropy`]).

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod core;
pub mod store;

pub mod service;

pub mod http;

pub mod door;

pub mod ops;

pub mod cli;
