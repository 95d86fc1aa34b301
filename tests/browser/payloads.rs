//! Names, descriptions and agents of markup and control characters: they are shown, and nothing of them runs.

use serde_json::json;

use super::enter;
use crate::harness::{Browser, Server};

/// What would run where text became HTML, a URL or a style; each sets a mark when it does.
fn payloads() -> Vec<String> {
    let run = "window.__pwned=1";
    let mut payloads: Vec<String> = [
        "<script>RUN</script>",
        "</script><script>RUN</script>",
        "<img src=x onerror=RUN>",
        "\"><img src=x onerror=\"RUN\">",
        "'><svg onload='RUN'>",
        "<svg><script>RUN</script></svg>",
        "<svg/onload=RUN>",
        "<body onload=RUN>",
        "<iframe srcdoc=\"<script>parent.RUN</script>\">",
        "<iframe src=\"javascript:parent.RUN\">",
        "<a href=\"javascript:RUN\">press</a>",
        "javascript:RUN",
        "data:text/html,<script>RUN</script>",
        "<math><mi xlink:href=\"javascript:RUN\">x</mi></math>",
        "<details open ontoggle=RUN>",
        "<input autofocus onfocus=RUN>",
        "<video><source onerror=RUN></video>",
        "<style>@import 'x'</style>",
        "<link rel=stylesheet href=//x.example/a.css>",
        "<meta http-equiv=refresh content=\"0;url=javascript:RUN\">",
        "<base href=//x.example/>",
        "<form action=//x.example><button>press</button></form>",
        "<template><script>RUN</script></template>",
        "<noscript><p title=\"</noscript><img src=x onerror=RUN>\">",
        "<!--<img src=x onerror=RUN>-->",
        "<![CDATA[<script>RUN</script>]]>",
        "{{constructor.constructor('RUN')()}}",
        "${RUN}",
        "`${RUN}`",
        "#{RUN}",
        "<%= RUN %>",
        "&lt;script&gt;RUN&lt;/script&gt;",
        "&#60;script&#62;RUN&#60;/script&#62;",
        "\\u003cscript\\u003eRUN\\u003c/script\\u003e",
        "%3Cscript%3ERUN%3C/script%3E",
        "';RUN;//",
        "\";RUN;//",
        "\\\";RUN;//",
        "*/RUN/*",
        "]]>RUN",
        "<x onclick=RUN>press</x>",
        "<object data=\"javascript:RUN\">",
        "<embed src=\"javascript:RUN\">",
        "<marquee onstart=RUN>",
        "<select autofocus onfocus=RUN>",
        "<dialog open>close me</dialog>",
        "<portal src=//x.example>",
        "<p style=\"background:url(//x.example)\">",
        "<img src=//x.example/pixel>",
        "<table background=//x.example>",
    ]
    .map(|payload| payload.replace("RUN", run))
    .into();
    // The same where a filter might look for the word.
    for upper in payloads.clone().iter().take(45) {
        payloads.push(upper.replace("script", "ScRiPt").replace("onerror", "OnErRoR"));
    }
    let hidden = [
        '\u{202e}',
        '\u{202d}',
        '\u{2066}',
        '\u{2069}',
        '\u{200b}',
        '\u{200d}',
        '\u{200e}',
        '\u{200f}',
        '\u{2028}',
        '\u{2029}',
        '\u{feff}',
        '\u{ad}',
        '\u{61c}',
        '\u{2060}',
        '\u{e0041}',
        '\u{fff9}',
    ];
    payloads.extend(hidden.iter().map(|character| format!("inv{character}oice <b>{character}")));
    let tags =
        ["b", "i", "u", "h1", "table", "tr", "td", "ul", "li", "div", "span", "pre", "textarea", "title"];
    payloads.extend(tags.iter().map(|tag| format!("</{tag}><{tag} onmouseover={run}>")));
    let sinks = ["__proto__", "constructor", "toString", "innerHTML", "location", "null", "undefined", "NaN"];
    payloads.extend(sinks.iter().map(|word| (*word).to_owned()));
    for number in 0.. {
        if payloads.len() >= 200 {
            break;
        }
        payloads
            .push(format!("<img{}src=x onerror={run}>{number}", ["/", "\u{a0}", " a=b ", "//"][number % 4]));
    }
    payloads
}

/// Whether anything ran, or stands there as what it would be.
#[track_caller]
fn nothing_ran(browser: &Browser, place: &str) {
    let found = browser.script(
        "return [window.__pwned ?? null, document.querySelectorAll('main img, main script, main iframe, main style, \
         main link, main meta, main base, main object, main embed, main marquee, main portal, main video').length, \
         document.querySelectorAll('[onerror],[onload],[onclick],[onfocus],[onmouseover],[ontoggle]').length]",
        vec![],
    );
    assert_eq!(found, json!([null, 0, 0]), "{place}");
}

/// A payload as it can be looked for in what is shown: what is unseen is shown in words of its own.
fn visible(text: &str) -> String {
    let plain = |letter: &char| letter.is_ascii_graphic() || *letter == ' ';
    text.split(|letter| !plain(&letter)).max_by_key(|part| part.len()).unwrap_or_default().trim().to_owned()
}

#[test]
fn two_hundred_payloads_are_shown_and_none_of_them_runs() {
    let server = Server::start();
    let ada = server.administrator("ada");
    let mut client = server.client();
    let payloads = payloads();
    assert_eq!(payloads.len(), 200);
    let mut made = Vec::new();
    for payload in &payloads {
        let body = json!({ "name": payload, "description": format!("{payload}\n{payload}"), "owner": "ada" });
        let reply = client.post("/v1/tokens").bearer(server.secret()).json(&body).send();
        if reply.status == 400 {
            // A name is one line that can be seen; what isn't is refused, and was never a name.
            assert!(payload.chars().any(|letter| letter.is_control()), "{payload:?}: {}", reply.text());
            continue;
        }
        let token = reply.expect(201).json();
        let agent = client.get("/v1/tokens/self").header("User-Agent", payload);
        agent.bearer(token["token"].as_str().unwrap()).send();
        made.push((token["id"].as_str().unwrap().to_owned(), payload));
    }
    assert!(made.len() >= 195, "only {} were names", made.len());
    let browser = enter(&server, &ada);
    // All of them over the list's pages.
    let mut shown = String::new();
    browser.script("location.hash = '#/tokens?limit=200'", vec![]);
    browser.until("all of the tokens", || {
        let rows = browser.script("return document.querySelectorAll('tbody tr').length", vec![]);
        rows.as_u64().is_some_and(|rows| rows >= made.len().min(200) as u64)
    });
    shown += &browser.text();
    nothing_ran(&browser, "the list");
    for (_, payload) in &made {
        assert!(shown.contains(&visible(payload)), "{payload:?} isn't shown");
    }
    // Each kind in a token's own view: its name, its description, and who used it.
    for (id, payload) in made.iter().step_by(5) {
        browser.script("location.hash = arguments[0]", vec![json!(format!("#/tokens/{id}"))]);
        browser.until(id, || browser.text().contains(id.as_str()));
        let text = browser.text();
        assert!(text.matches(&visible(payload)).count() >= 3, "{payload:?} in {text}");
        nothing_ran(&browser, payload);
    }
    // What hides itself is seen.
    let hiding = made.iter().find(|(_, payload)| payload.contains('\u{202e}')).expect("a payload that hides");
    browser.script("location.hash = arguments[0]", vec![json!(format!("#/tokens/{}", hiding.0))]);
    browser.until("it", || browser.text().contains(hiding.0.as_str()));
    let marks = browser.script("return document.querySelectorAll('main .control').length", vec![]);
    assert!(marks.as_u64().is_some_and(|marks| marks > 0), "{marks}");
    browser.screenshot("payload");
}
