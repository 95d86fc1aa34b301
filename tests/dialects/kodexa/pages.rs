//! Pages: their envelope, their order, what is on them.

use serde_json::{Value, json};

use super::{Kodexa, TOKENS, keys, text, wrong_field};

impl Kodexa {
    /// A page by its query.
    fn page(&mut self, query: &str) -> Value {
        self.get(&format!("{TOKENS}?{query}")).expect(200).json()
    }

    fn made_named(&mut self, names: &[&str]) {
        for name in names {
            self.made(&json!({ "name": name }));
        }
    }
}

fn names(page: &Value) -> Vec<&str> {
    page["content"].as_array().unwrap().iter().map(|token| text(token, "name")).collect()
}

/// All but what is on it.
fn envelope(page: &Value) -> Value {
    let mut page = page.clone();
    page.as_object_mut().unwrap().remove("content");
    page
}

#[test]
fn the_envelope_is_exactly_the_vendors() {
    let mut kodexa = Kodexa::start();
    kodexa.made_named(&["a", "b", "c", "d"]);
    let sort = json!({ "empty": false, "sorted": true, "unsorted": false });
    let expected = |number: u64, on_it: u64, size: u64, total: u64, pages: u64| {
        json!({
            "first": number == 0, "last": number + 1 >= pages, "empty": on_it == 0,
            "number": number, "numberOfElements": on_it, "size": size, "sort": sort,
            "pageable": {
                "offset": number * size, "pageNumber": number, "pageSize": size,
                "paged": true, "unpaged": false, "sort": sort
            },
            "totalElements": total, "totalPages": pages
        })
    };
    for (query, number, on_it, size, total, pages) in [
        ("", 0, 5, 10, 5, 1),
        ("page=0&pageSize=2", 0, 2, 2, 5, 3),
        ("page=1&pageSize=2", 1, 2, 2, 5, 3),
        ("page=2&pageSize=2", 2, 1, 2, 5, 3),
        ("page=3&pageSize=2", 3, 0, 2, 5, 3),
        ("pageSize=5", 0, 5, 5, 5, 1),
        ("page=1&pageSize=5", 1, 0, 5, 5, 1),
        ("pageSize=100", 0, 5, 100, 5, 1),
        ("pageSize=101", 0, 5, 100, 5, 1),
        ("pageSize=99999999999999999999", 0, 5, 100, 5, 1),
        ("page=2147483647&pageSize=100", 2_147_483_647, 0, 100, 5, 1),
        ("query=b", 0, 1, 10, 1, 1),
        ("query=nothing+like+it", 0, 0, 10, 0, 0),
        ("query=nothing&page=7", 7, 0, 10, 0, 0),
    ] {
        let page = kodexa.page(query);
        assert_eq!(envelope(&page), expected(number, on_it, size, total, pages), "{query}");
        assert_eq!(page["content"].as_array().unwrap().len() as u64, on_it, "{query}");
    }
    assert_eq!(
        keys(&kodexa.page("")),
        [
            "content",
            "empty",
            "first",
            "last",
            "number",
            "numberOfElements",
            "pageable",
            "size",
            "sort",
            "totalElements",
            "totalPages"
        ]
    );
}

#[test]
fn pages_follow_one_another_without_a_gap() {
    let mut kodexa = Kodexa::start();
    let made: Vec<_> =
        (0..24).map(|count| kodexa.made(&json!({ "name": format!("t{}", count % 7) }))).collect();
    for (sort, size) in
        [("", 7), ("&sort=name", 5), ("&sort=name:desc;createdOn:asc", 1), ("&sort=expiresAt", 11)]
    {
        let mut seen = Vec::new();
        for number in 0.. {
            let page = kodexa.page(&format!("page={number}&pageSize={size}{sort}"));
            seen.extend(page["content"].as_array().unwrap().clone());
            if page["last"] == true {
                break;
            }
        }
        let mut ids: Vec<_> = seen.iter().map(|token| text(token, "id")).collect();
        assert_eq!(ids.len(), 25, "{sort}");
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 25, "{sort}");
        assert!(made.iter().all(|token| ids.contains(&text(token, "id"))));
    }
    let usual = kodexa.page("");
    assert_eq!(usual["content"].as_array().unwrap().len(), 10);
    assert_eq!(usual["content"][0]["id"], made[23]["id"], "the newest first");
}

#[test]
fn a_page_is_sorted_as_asked() {
    let mut kodexa = Kodexa::start();
    kodexa.made_named(&["b", "A", "c", "a", "B"]);
    let order = |page: &Value| names(page).join("");
    let only = "filter=name+!+test&";
    for (sort, expected) in [
        ("sort=createdOn", "bAcaB"),
        ("sort=createdOn:desc", "BacAb"),
        ("sort=", "BacAb"),
        ("sort=%20;%20", "BacAb"),
        ("sort=id:asc", "bAcaB"),
        ("sort=uuid:DESC", "BacAb"),
        ("sort=name:asc;createdOn:desc", "aABbc"),
        ("sort=name;createdOn:asc", "AabBc"),
        ("sort=name:asc&sort=createdOn:desc", "aABbc"),
        ("sort=name%3Adesc%3BcreatedOn%3Aasc", "cbBAa"),
        ("sort=+name+:+desc+;createdOn:asc;", "cbBAa"),
        ("sort=createdOn:asc;name:asc", "bAcaB"),
        ("sort=name:asc;createdOn:desc;name:desc", "aABbc"),
        ("sort=changeSequence;createdOn", "bAcaB"),
        ("sort=updatedOn:desc", "BacAb"),
        ("sort=expiresAt:desc", "BacAb"),
    ] {
        assert_eq!(order(&kodexa.page(&format!("{only}{sort}"))), expected, "{sort}");
    }
    for wrong in [
        "sort=nothing",
        "sort=name:up",
        "sort=name,desc",
        "sort=-name",
        "sort=name:asc:x",
        "sort=:asc",
        "sort=user",
        "sort=token",
    ] {
        wrong_field(&kodexa.get(&format!("{TOKENS}?{wrong}")), "sort");
    }
}

#[test]
fn never_is_sorted_behind_every_day() {
    let mut kodexa = Kodexa::start();
    kodexa.made_named(&["ends"]);
    kodexa.server.run(&["org", "set", "default", "--allow-never", "true"]).done();
    kodexa.made_named(&["never"]);
    assert_eq!(names(&kodexa.page("sort=expiresAt"))[2], "never");
    assert_eq!(names(&kodexa.page("sort=expiresAt:desc"))[0], "never");
}

#[test]
fn numbers_that_are_none_are_refused() {
    let mut kodexa = Kodexa::start();
    for (field, values) in [
        ("page", ["-1", "x", "", "1.0", "+1", "2147483648", "99999999999999999999", "%D9%A1", "1e3"]),
        ("pageSize", ["0", "-1", "x", "", "1.5", "%2B1", "0x10", "00", "null"]),
    ] {
        for value in values {
            wrong_field(&kodexa.get(&format!("{TOKENS}?{field}={value}")), field);
        }
        wrong_field(&kodexa.get(&format!("{TOKENS}?{field}=1&{field}=1")), field);
        wrong_field(&kodexa.get(&format!("{TOKENS}?{field}=%ff")), field);
    }
    wrong_field(&kodexa.get(&format!("{TOKENS}?query=a&query=b")), "query");
}

#[test]
fn a_query_is_part_of_a_name_in_any_case() {
    let mut kodexa = Kodexa::start();
    kodexa.made_named(&["Deploy prod", "deploy test", "50% off_x", "a*b", "é"]);
    for (query, mut expected) in [
        ("deploy", vec!["Deploy prod", "deploy test"]),
        ("DEPLOY+", vec!["Deploy prod", "deploy test"]),
        ("oy%20p", vec!["Deploy prod"]),
        ("%25", vec!["50% off_x"]),
        ("_", vec!["50% off_x"]),
        ("a*b", vec!["a*b"]),
        ("%C3%A9", vec!["é"]),
        ("test", vec!["deploy test", "test"]),
        ("'%20or%20''='", vec![]),
    ] {
        let page = kodexa.page(&format!("query={query}"));
        let mut found = names(&page);
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "{query}");
        assert_eq!(page["totalElements"], expected.len(), "{query}");
    }
    // The vendor's clients send a star where they ask for nothing in particular.
    for everything in ["query=*", "query=", "query=%2A"] {
        assert_eq!(kodexa.page(everything)["totalElements"], 6, "{everything}");
    }
    assert_eq!(kodexa.page("query=deploy&filter=name~'*test'")["totalElements"], 1);
    assert_eq!(kodexa.page("pageSize=3&unheard=of&of=it")["numberOfElements"], 3);
}

#[test]
fn a_list_is_of_ones_own_tokens_that_there_are() {
    let mut kodexa = Kodexa::start();
    kodexa.made_named(&["mine"]);
    let native = json!({ "name": "native" });
    kodexa.server.mint(&kodexa.user, &native);
    let bert = kodexa.server.user("bert");
    kodexa.server.mint(&bert, &json!({ "name": "his" }));
    let gone = kodexa.made(&json!({ "name": "gone" }));
    kodexa.delete(text(&gone, "id")).expect(204);
    let page = kodexa.page("sort=name");
    assert_eq!(names(&page), ["mine", "native", "test"], "whichever API made them");
    for filter in
        ["name:'his'", "name:'gone'", "name~'*' and name:'gone'", "not (name:'mine') and name:'his'"]
    {
        let filter = filter.replace(' ', "+");
        assert_eq!(kodexa.page(&format!("filter={filter}"))["totalElements"], 0, "{filter}");
    }
}
