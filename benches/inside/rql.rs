//! A list by a query in RQL: the text turned into a filter, and the walk along an index that answers it.
//!
//! No SQL is made of a filter. Its conditions choose one of the statements that the store has, each along an index, and
//! fill in its edges; what no index answers is held against each row as it comes. So the statement can be measured only
//! with the rows that it yields.

use divan::{Bencher, black_box};
use jeton::{
    core::{
        decision::{Demand, Subject},
        filter::{Filter, Test, Value},
        listing::{Count, Direction, Listing, Position, TokenField},
        time::Instant,
    },
    http::dialects::softwareone::rql,
    service::{Caller, list::TokenQuery},
    store::{Found, Store, TokenSet},
};
use zeroize::Zeroizing;

use super::stage::{Stage, peer};

/// How many tokens there are. A fifth of them are meant.
const THERE: usize = 4_096;

/// Those that deploy, as somebody who cleans up would look for them. A query's parts, which are parted before they come
/// here, have to hold together.
const CONDITIONS: [&str; 2] = [
    "and(ilike(name,*deploy*),in(status,(Active,Disabled)),ge(audit.created.at,2024-01-01))",
    "or(lastAccessAt=null(),not(lt(lastAccessAt,'2024-06-01T00:00:00Z')),any(modules,in(id,(MOD-1234,MOD-5678))))",
];

/// The same of one account, which is looked up by its name.
const BY_ACCOUNT: &str = "account.name=Default";

/// Somebody who lists their tokens by one of them.
fn caller(stage: &Stage) -> Caller {
    let issued = stage.tokens(THERE);
    let verdict = stage.service.judge_token(&issued[0].secret, Demand::Itself, peer());
    let subject = Subject::Token(verdict.standing.expect("a token that is good"));
    Caller { subject, demand: Demand::User, address: None, first_use: None }
}

fn filter(stage: &Stage, caller: &Caller, conditions: &[Zeroizing<String>]) -> Filter<TokenField> {
    rql::filter(&stage.service, caller, conditions).expect("a query that is understood")
}

fn texts(conditions: &[&str]) -> Vec<Zeroizing<String>> {
    conditions.iter().map(|text| Zeroizing::new((*text).to_owned())).collect()
}

fn translated(bencher: Bencher<'_, '_>, conditions: &[&str]) {
    let stage = Stage::new();
    let (caller, conditions) = (caller(&stage), texts(conditions));
    bencher.bench_local(|| filter(&stage, &caller, black_box(&conditions)));
}

#[divan::bench(min_time = 0.5)]
fn to_filter(bencher: Bencher<'_, '_>) {
    translated(bencher, &CONDITIONS);
}

#[divan::bench(min_time = 0.5)]
fn to_filter_with_an_account_looked_up(bencher: Bencher<'_, '_>) {
    translated(bencher, &[CONDITIONS[0], CONDITIONS[1], BY_ACCOUNT]);
}

/// The listing that the dialect asks for, whoever's tokens they are.
fn listing(filter: Filter<TokenField>, limit: u32, total: Count) -> Listing<TokenField> {
    let sort = vec![(TokenField::CreatedAt, Direction::Up)];
    Listing { filter, sort, position: Position::Offset(0), limit, total }
}

/// Walks for a page of ids.
fn walked(bencher: Bencher<'_, '_>, limit: u32, total: Count) {
    let stage = Stage::new();
    let caller = caller(&stage);
    let filter = filter(&stage, &caller, &texts(&CONDITIONS));
    let Subject::Token(standing) = &caller.subject else { unreachable!("it is a token") };
    let (owner, organization) = (standing.token.owner.0, standing.token.organization.0);
    let own = |id| Test::Equals(Value::Id(id));
    // As the service narrows them to the caller's own.
    let filter = filter.and(TokenField::Owner, own(owner)).and(TokenField::Organization, own(organization));
    let listing = listing(filter, limit, total);
    let set = TokenSet::new(false, &listing, Instant::from_millis(1));
    let store: Store = stage.store();
    let walk = || -> Found {
        store.read(|rows| Ok(rows.page(&set, black_box(&listing)))).expect("a read").expect("a page")
    };
    assert_eq!(walk().ids.len(), limit as usize);
    bencher.bench_local(walk);
    store.close();
}

/// What every page costs: the ways are measured and one is chosen, which is walked until it is sure what comes first.
#[divan::bench(min_time = 0.5)]
fn walk_to_the_first(bencher: Bencher<'_, '_>) {
    walked(bencher, 0, Count::No);
}

#[divan::bench(min_time = 0.5)]
fn walk_a_page(bencher: Bencher<'_, '_>) {
    walked(bencher, 100, Count::No);
}

/// All that match have to be looked at, which the dialect's replies need.
#[divan::bench(min_time = 0.5)]
fn walk_a_page_and_count_all(bencher: Bencher<'_, '_>) {
    walked(bencher, 100, Count::Always);
}

/// The whole list, as the dialect gets it: from the text to the tokens, each read, proven to be ours, and with what stands
/// around it.
#[divan::bench(min_time = 0.5)]
fn list(bencher: Bencher<'_, '_>) {
    let stage = Stage::new();
    let (caller, conditions) = (caller(&stage), texts(&CONDITIONS));
    bencher.bench_local(|| {
        let filter = filter(&stage, &caller, black_box(&conditions));
        let query = TokenQuery::own(listing(filter, 100, Count::Always));
        stage.runtime.block_on(stage.service.tokens(&caller, query)).expect("a page")
    });
}
