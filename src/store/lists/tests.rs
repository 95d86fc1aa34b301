//! Every statement walks its index, and every page is what a plain look at all rows would give.

use rusqlite::{Connection, params};

use super::{
    Set, TokenSet, UserSet,
    choose::Budgets,
    events, members, tokens,
    walk::{Along, Path},
};
use crate::{
    core::{
        filter::{Filter, Pattern, Test, Value},
        keys::{Keyring, Pepper},
        listing::{
            Count,
            Direction::{self, Down, Up},
            Field, Listing, Position,
            TokenField::{self, *},
            UserField,
        },
        refusal::{Failure, Refusal},
        time::Instant,
    },
    store::{rows::Rows, schema},
};

pub(super) fn keys() -> Keyring {
    Keyring::new(&Pepper::generate([7; 32]))
}

fn plans<F: Field>(connection: &Connection, paths: &[&Path<F>], keyed: [&str; 2]) {
    for path in paths {
        for statement in [path.up, path.down] {
            let mut explained = connection.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap();
            let count = explained.parameter_count();
            let steps: Vec<String> = explained
                .query_map(rusqlite::params_from_iter(vec![1; count]), |row| row.get(3))
                .unwrap()
                .map(Result::unwrap)
                .collect();
            let plan = steps.join("; ");
            assert!(!plan.contains("TEMP B-TREE"), "{statement}: {plan}");
            if path.along == Along::Place {
                assert!(plan.contains("VIRTUAL TABLE INDEX"), "{plan}");
                continue;
            }
            assert!(plan.contains("SEARCH") && !plan.contains("SCAN"), "{statement}: {plan}");
            // Both edges, and where there is a key the id within it.
            let edges = match path.along {
                Along::Id | Along::Place => plan.contains(">? AND ") && plan.contains("<?"),
                Along::Time(_) | Along::Text(_) => keyed.iter().all(|edge| plan.contains(edge)),
            };
            assert!(edges, "{statement}: {plan}");
            // A user's row is read for each step; there are so few of them.
            let is_of_users = statement.contains("FROM users");
            let reads_rows =
                |step: &&String| step.starts_with("SEARCH") && !step.contains(" USING COVERING INDEX ");
            let keyed_by_place = plan.contains("USING INTEGER PRIMARY KEY");
            assert!(
                is_of_users || keyed_by_place || !steps.iter().any(|step| reads_rows(&step)),
                "{statement}: {plan}"
            );
        }
    }
}

#[test]
fn every_statement_is_a_search_along_its_index_without_a_sort() {
    let connection = schema::empty();
    let within = [")>(?,?) AND (", ")<(?,?)"];
    plans(&connection, tokens::PATHS, within);
    plans(&connection, members::PATHS, within);
    // Nothing is ordered by an event's kind: a page never begins within one.
    plans(&connection, events::PATHS, ["deed>?", "deed<?"]);
}

/// Numbers that are the same in every run.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::try_from(self.roll(choices.len() as u64)).unwrap()]
    }
}

pub(super) const NOW: i64 = 1_000_000;
const WORDS: [&str; 5] = ["deploy", "Backup", "grafana", "É clair", "a%b_c\"d"];

fn id(kind: u8, millis: i64, number: u64) -> [u8; 16] {
    let mut id = [kind; 16];
    id[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    id[8..].copy_from_slice(&number.to_be_bytes());
    id
}

/// Tokens of three owners in two organizations, a tenth of them given their place out of turn.
pub(super) fn filled(count: u64, dice: &mut Dice) -> Connection {
    let connection = schema::empty();
    connection.pragma_update(None, "foreign_keys", "OFF").unwrap();
    let mut places: Vec<u64> = (1..=count).collect();
    for at in 1..places.len() {
        if dice.roll(10) == 0 {
            places.swap(at - 1, at);
        }
    }
    let mut insert = connection
        .prepare(
            "INSERT INTO tokens (id, place, digest, pepper, owner, organization, name, description, icon, privileges,
                 modules, limits, restricted, minted_by, minted_by_token, status, created_at, updated_at, expires_at,
                 change_sequence, seal, seal_pepper)
             VALUES (?, ?, x'', 1, ?, ?, ?, '', '', ?, '', '', 0, ?, ?, ?, ?, ?, ?, 0, x'', 1)",
        )
        .unwrap();
    for (number, place) in (0..count).zip(places) {
        let created_at = 1_000 + i64::try_from(number / 3).unwrap();
        let token = id(1, created_at, number);
        let name = format!("{} {}", dice.of(&WORDS), dice.roll(30));
        let minter = (dice.roll(5) == 0).then(|| id(1, 1_000, 0));
        let status = dice.of(&["active", "active", "active", "disabled", "deleted"]);
        let expires_at = (dice.roll(3) > 0).then(|| NOW + i64::try_from(dice.roll(40)).unwrap() - 20);
        insert
            .execute(params![
                token,
                place.cast_signed(),
                id(2, 1, dice.roll(3)),
                id(3, 1, dice.roll(2)),
                name,
                dice.of(&["a:b", "a:b c:d", ""]),
                if minter.is_some() { "token" } else { "local" },
                minter,
                status,
                created_at,
                created_at,
                expires_at,
            ])
            .unwrap();
        let used = if dice.roll(2) == 0 { 0 } else { 1_000 + dice.roll(100).cast_signed() };
        let kept = status != "deleted";
        connection
            .execute("INSERT INTO token_uses VALUES (?, ?, NULL, NULL, 0, ?)", params![token, used, kept])
            .unwrap();
        if kept {
            connection
                .execute(
                    "INSERT INTO token_words (rowid, name) VALUES (?, ?)",
                    params![place.cast_signed(), name],
                )
                .unwrap();
        }
    }
    drop(insert);
    // As the writer counts them along.
    connection.execute("DELETE FROM totals", []).unwrap();
    for statement in [
        "INSERT INTO totals SELECT 'tokens', zeroblob(16), count(*) FROM tokens WHERE status <> 'deleted'",
        "INSERT INTO totals SELECT 'tokens', organization, count(*) FROM tokens WHERE status <> 'deleted' GROUP BY 2",
        "INSERT INTO totals SELECT 'tokens', owner, count(*) FROM tokens WHERE status <> 'deleted' GROUP BY 2",
    ] {
        connection.execute(statement, []).unwrap();
    }
    connection
}

fn condition(dice: &mut Dice) -> Filter<TokenField> {
    let at = |millis| Value::At(Instant::from_millis(millis));
    let near = NOW + i64::try_from(dice.roll(40)).unwrap() - 20;
    let early = 1_000 + i64::try_from(dice.roll(120)).unwrap();
    let text = |text: &str| Value::Text(text.into());
    let needles = ["ploy", "BACK", "a%b", "\"d 1", " 2", "É c", "nothing", "grafana 12"];
    match dice.roll(14) {
        0 => Filter::Is(Owner, Test::Equals(Value::Id(id(2, 1, dice.roll(3))))),
        1 => Filter::Is(Organization, Test::Equals(Value::Id(id(3, 1, dice.roll(2))))),
        2 | 3 => Filter::Is(Name, Test::Contains(dice.of(&needles).into())),
        4 => Filter::Is(Status, Test::Equals(text(dice.of(&["active", "expired", "disabled"])))),
        5 => Filter::Is(Privilege, Test::Equals(text("c:d"))),
        6 => Filter::Is(Minter, Test::Equals(Value::Id(id(1, 1_000, 0)))),
        7 => {
            Filter::Is(ExpiresAt, dice.of(&[Test::Below, Test::AtMost, Test::Above, Test::AtLeast])(at(near)))
        }
        8 => {
            let tests = [Test::Below, Test::BelowOrNone, Test::AtMost, Test::Above, Test::AtLeast];
            Filter::Is(LastUsedAt, dice.of(&tests)(at(early)))
        }
        9 => Filter::Is(
            CreatedAt,
            dice.of(&[Test::Below, Test::AtMost, Test::Above, Test::AtLeast])(at(early)),
        ),
        10 => Filter::Not(Box::new(condition(dice))),
        11 => Filter::Any(vec![condition(dice), condition(dice)]),
        12 => {
            let pattern = Pattern::new(vec![dice.of(&WORDS).into(), "1".into(), String::new()], true);
            Filter::Is(Name, Test::Like(pattern))
        }
        _ => Filter::Is(Name, Test::Equals(text(&format!("{} 7", dice.of(&WORDS))))),
    }
}

/// What a plain look at all rows gives, as long as none is left out.
fn plainly(rows: &Rows<'_>, set: &TokenSet, listing: &Listing<TokenField>) -> Vec<Value> {
    let mut statement = rows.connection.prepare("SELECT id FROM tokens").unwrap();
    let ids: Vec<[u8; 16]> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let mut found: Vec<_> = ids
        .into_iter()
        .filter_map(|id| set.record(rows, &super::Yielded::Id(Value::Id(id))).unwrap())
        .filter(|(_, record)| listing.filter.holds(&|field| set.held(record, field)))
        .collect();
    found.sort_by(|one, two| {
        let directed = |direction, ordering: std::cmp::Ordering| match direction {
            Up => ordering,
            Down => ordering.reverse(),
        };
        let mut ordering = std::cmp::Ordering::Equal;
        for (field, direction) in &listing.sort {
            let by_id = *field == CreatedAt;
            let (one, two) = if by_id {
                (one.0.clone(), two.0.clone())
            } else {
                (set.key(&one.1, *field), set.key(&two.1, *field))
            };
            ordering = ordering.then(directed(*direction, one.cmp(&two)));
        }
        ordering.then(directed(listing.sort.last().unwrap().1, one.0.cmp(&two.0)))
    });
    found.into_iter().map(|(id, _)| id).collect()
}

fn sort(dice: &mut Dice) -> Vec<(TokenField, Direction)> {
    let mut sort: Vec<(TokenField, Direction)> = (0..=dice.roll(2))
        .map(|_| {
            (dice.of(&[CreatedAt, CreatedAt, Name, ExpiresAt, LastUsedAt, Privilege]), dice.of(&[Up, Down]))
        })
        .collect();
    if dice.roll(3) > 0 {
        sort.truncate(1);
    }
    sort
}

#[test]
fn pages_are_what_a_plain_look_at_all_rows_gives_whatever_way_is_taken() {
    let mut dice = Dice(7);
    let connection = filled(240, &mut dice);
    let keys = keys();
    let rows = Rows::new(&connection, &keys);
    let (mut broad, mut whole, mut uncounted) = (0, 0, 0);
    for _ in 0..400 {
        let filter = Filter::All((0..dice.roll(4)).map(|_| condition(&mut dice)).collect());
        let sort = sort(&mut dice);
        let set = TokenSet { deleted: dice.roll(8) == 0, uses: true, now: Instant::from_millis(NOW) };
        let limit = 1 + u32::try_from(dice.roll(40)).unwrap();
        let total = dice.of(&[Count::IfQuick, Count::Always]);
        let mut listing = Listing { filter, sort, position: Position::Offset(0), limit, total };
        let expected = plainly(&rows, &set, &listing);
        // With all room: the whole list, page by page, with a row more for the place of each page's end.
        let budgets = dice.of(&[
            Budgets { quick: 400, page: 100_000, count: 100_000 },
            Budgets { quick: 1, page: 100_000, count: 1 },
            Budgets { quick: 400, page: 30_000, count: 1_000 },
            Budgets { quick: 400, page: 1_500, count: 500 },
        ]);
        let mut seen = Vec::new();
        loop {
            let found = match rows.page_within(&set, &listing, budgets) {
                Ok(found) => found,
                Err(Failure::Refused(Refusal::FilterTooBroad { filter })) if budgets.page < 10_000 => {
                    assert!(!filter.is_empty());
                    broad += 1;
                    break;
                }
                Err(failure) => panic!("{failure} for {listing:?}"),
            };
            let in_all = Some(expected.len() as u64);
            match listing.total {
                Count::IfQuick if found.total.is_none() => uncounted += 1,
                _ => assert_eq!(found.total, in_all, "{listing:?} in {budgets:?}"),
            }
            seen.extend(found.ids);
            assert!(seen.len() <= expected.len(), "{listing:?} in {budgets:?}");
            if let Some(cursor) = found.next {
                listing.position = Position::After(cursor);
            } else {
                assert_eq!(seen, expected, "{listing:?} in {budgets:?}");
                whole += 1;
                break;
            }
        }
        assert_eq!(seen, expected[..seen.len()], "{listing:?} in {budgets:?}");
        // By offset, as some APIs page.
        let skip = dice.roll(60);
        listing.position = Position::Offset(skip);
        let budgets = Budgets { quick: 400, page: 100_000, count: 1_000 };
        let page = rows.page_within(&set, &listing, budgets).unwrap();
        let from = usize::try_from(skip).unwrap().min(expected.len());
        let to = (from + listing.limit as usize).min(expected.len());
        assert_eq!(page.ids, expected[from..to], "{listing:?}");
        assert_eq!(page.next.is_some(), to < expected.len());
    }
    assert!(
        broad > 5 && whole > 200 && uncounted > 20,
        "{broad} too broad, {whole} whole, {uncounted} pages uncounted"
    );
}

#[test]
fn what_no_index_helps_with_is_named() {
    let mut dice = Dice(3);
    let connection = filled(240, &mut dice);
    let keys = keys();
    let rows = Rows::new(&connection, &keys);
    let budgets = Budgets { quick: 250, page: 750, count: 250 };
    let text = |text: &str| Value::Text(text.into());
    let refused = |filter: Filter<TokenField>, sort, limit, total| {
        let listing = Listing { filter, sort: vec![sort], position: Position::Offset(0), limit, total };
        let set = TokenSet::new(false, &listing, Instant::from_millis(NOW));
        match rows.page_within(&set, &listing, budgets) {
            Err(Failure::Refused(Refusal::FilterTooBroad { filter })) => Some(filter),
            Err(failure) => panic!("{failure}"),
            Ok(_) => None,
        }
    };
    let all = Filter::default;
    let rare = all().and(Privilege, Test::Equals(text("x:y")));
    let newest = (CreatedAt, Down);
    assert_eq!(refused(rare.clone(), newest, 5, Count::No).as_deref(), Some("privilege"));
    let rarer = rare.and(MintedBy, Test::Equals(text("session")));
    assert_eq!(refused(rarer, newest, 5, Count::No).as_deref(), Some("minted_by, privilege"));
    let short = all().and(Name, Test::Contains("zz".into()));
    assert_eq!(refused(short, newest, 5, Count::No).as_deref(), Some("name"));
    // Half of all, in another order than any index over them has.
    let half = all().and(Organization, Test::Equals(Value::Id(id(3, 1, 0))));
    assert_eq!(refused(half.clone(), newest, 5, Count::No), None);
    assert_eq!(refused(half.clone(), (Privilege, Up), 5, Count::No).as_deref(), Some("sort"));
    let created = half.and(CreatedAt, Test::AtLeast(Value::At(Instant::from_millis(1_000))));
    assert_eq!(refused(created.clone(), newest, 5, Count::Always).as_deref(), Some("total"));
    // A page itself doesn't wait for that.
    assert_eq!(refused(created, newest, 5, Count::IfQuick), None);
    // Frequent along the order: found soon, though no index has it.
    let frequent = all().and(Privilege, Test::Equals(text("a:b")));
    assert_eq!(refused(frequent, newest, 5, Count::No), None);
}

/// Ninety users in two organizations, some of them deleted.
#[test]
fn a_tree_that_asks_too_much_of_a_row_is_refused_before_any_is_read() {
    let (connection, keys) = (schema::empty(), keys());
    let rows = Rows::new(&connection, &keys);
    let set = TokenSet { deleted: false, uses: false, now: Instant::from_millis(0) };
    let verdict = |conditions: usize| {
        let filter = Filter::Any(vec![Filter::Is(Name, Test::Missing); conditions]);
        let sort = vec![(CreatedAt, Down)];
        let listing = Listing { filter, sort, position: Position::Offset(0), limit: 1, total: Count::No };
        rows.page(&set, &listing)
    };
    assert!(verdict(99).is_ok());
    assert!(matches!(verdict(100), Err(Failure::Refused(Refusal::Malformed { .. }))));
}

fn people(dice: &mut Dice) -> Connection {
    let connection = schema::empty();
    connection.pragma_update(None, "foreign_keys", "OFF").unwrap();
    for number in 0..90_u64 {
        let created_at = 1_000 + i64::try_from(number).unwrap();
        let user = id(2, created_at, number);
        let name = format!("{}{number}", dice.of(&["anna", "bert", "carl"]));
        let deleted = (dice.roll(9) == 0).then_some(5);
        connection
            .execute(
                "INSERT INTO users VALUES (?, ?, ?, '', 'Van der Berg', '', '', ?, ?, ?, ?, 0, 0, x'', 1, ?, ?, NULL)",
                params![
                    user,
                    name,
                    format!("{name}@example.com"),
                    dice.roll(3) > 0,
                    dice.roll(5) == 0,
                    id(3, 1, dice.roll(2)),
                    created_at,
                    number.cast_signed() + 1,
                    deleted,
                ],
            )
            .unwrap();
        connection
            .execute(
                "INSERT INTO user_words (rowid, username, email, first_name, last_name) VALUES (?, ?, ?, ?, '')",
                params![number.cast_signed() + 1, name, format!("{name}@example.com"), "Van der Berg"],
            )
            .unwrap();
        for organization in 0..2 {
            if dice.roll(3) > 0 {
                let role = dice.of(&["administrator", "member", "member"]);
                let joined = 2_000 + i64::try_from(dice.roll(50)).unwrap();
                connection
                    .execute(
                        "INSERT INTO memberships VALUES (?, ?, ?, ?, 'a:b', 0, ?, x'', 1)",
                        params![user, id(3, 1, organization), role, dice.of(&[None, Some(true)]), joined],
                    )
                    .unwrap();
            }
        }
    }
    connection
}

#[test]
fn users_and_members_are_found_by_every_way() {
    let mut dice = Dice(11);
    let connection = people(&mut dice);
    let keys = keys();
    let rows = Rows::new(&connection, &keys);
    for round in 0..200 {
        let organization =
            (dice.roll(3) > 0).then(|| crate::core::id::OrganizationId::from_bytes(id(3, 1, dice.roll(2))));
        let set = UserSet { organization };
        let conditions = (0..dice.roll(3)).map(|_| {
            let joined = Value::At(Instant::from_millis(2_000 + i64::try_from(dice.roll(50)).unwrap()));
            let made = Value::At(Instant::from_millis(1_000 + i64::try_from(dice.roll(90)).unwrap()));
            match dice.roll(9) {
                0 => Filter::Is(
                    UserField::Name,
                    Test::Contains(dice.of(&["NNA1", "n der b", "@EXAMPLE", "l2", "xyz"]).into()),
                ),
                1 => Filter::Is(UserField::Active, Test::Equals(Value::Flag(dice.roll(2) == 0))),
                2 => Filter::Is(UserField::Operator, Test::Equals(Value::Flag(dice.roll(2) == 0))),
                3 => Filter::Is(
                    UserField::Role,
                    Test::Equals(Value::Text(dice.of(&["administrator", "member"]).into())),
                ),
                4 => Filter::Is(UserField::JoinedAt, Test::AtLeast(joined)),
                5 => Filter::Is(UserField::JoinedAt, Test::Below(joined)),
                6 => Filter::Is(UserField::CreatedAt, Test::AtLeast(made)),
                7 => Filter::Is(UserField::CreatedAt, Test::Below(made)),
                _ => Filter::Is(UserField::MayIssue, Test::Equals(Value::Flag(true))),
            }
        });
        let filter = Filter::All(conditions.collect());
        let sort = vec![(dice.of(&[UserField::CreatedAt, UserField::Username]), dice.of(&[Up, Down]))];
        let mut listing = Listing { filter, sort, position: Position::Offset(0), limit: 7, total: Count::No };
        let mut expected: Vec<_> = (0..90_u64)
            .map(|number| id(2, 1_000 + i64::try_from(number).unwrap(), number))
            .filter_map(|id| set.record(&rows, &super::Yielded::Id(Value::Id(id))).unwrap())
            .filter(|(_, record)| listing.filter.holds(&|field| set.held(record, field)))
            .collect();
        expected.sort_by(|one, two| {
            let key = |entry: &(Value, members::UserRecord)| match listing.sort[0].0 {
                UserField::CreatedAt => entry.0.clone(),
                field => set.key(&entry.1, field),
            };
            let ordering = key(one).cmp(&key(two));
            if listing.sort[0].1 == Up { ordering } else { ordering.reverse() }
        });
        let expected: Vec<_> = expected.into_iter().map(|(id, _)| id).collect();
        let budgets = if round % 2 == 0 {
            super::choose::BUDGETS
        } else {
            Budgets { quick: 80, page: 100_000, count: 80 }
        };
        let mut seen = Vec::new();
        loop {
            let found = rows.page_within(&set, &listing, budgets).unwrap();
            seen.extend(found.ids);
            match found.next {
                Some(cursor) => listing.position = Position::After(cursor),
                None => break,
            }
        }
        assert_eq!(seen, expected, "{organization:?} {listing:?}");
    }
}
