//! How exchanges stand in a file.

/// A file: a few words, then exchanges.
#[derive(Debug)]
pub struct File {
    /// What stands before the first exchange.
    pub words: String,
    /// In their order.
    pub exchanges: Vec<Exchange>,
}

/// One request and what was answered.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// What it shows.
    pub title: String,
    /// Its method, as its line has it.
    pub method: String,
    /// Its target, as its line has it.
    pub target: String,
    /// Its headers, in their order.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Option<String>,
    /// The reply's text; empty before it was played.
    pub reply: String,
}

const TITLE: &str = "### ";

impl File {
    /// Reads a file; what is wrong where it can't be read.
    pub fn read(text: &str) -> Result<Self, String> {
        let mut words = String::new();
        let mut parts: Vec<(&str, Vec<&str>)> = Vec::new();
        for line in text.lines() {
            if let Some(title) = line.strip_prefix(TITLE) {
                parts.push((title, Vec::new()));
            } else if let Some((_, lines)) = parts.last_mut() {
                lines.push(line);
            } else {
                words.push_str(line);
                words.push('\n');
            }
        }
        let exchanges = parts.iter().map(|(title, lines)| {
            Exchange::read(title, lines).map_err(|wrong| format!("\"{title}\": {wrong}"))
        });
        Ok(Self { words: words.trim().into(), exchanges: exchanges.collect::<Result<_, _>>()? })
    }

    /// The file's text.
    pub fn text(&self) -> String {
        let words = (!self.words.is_empty()).then(|| format!("{}\n", self.words));
        words.into_iter().chain(self.exchanges.iter().map(Exchange::text)).collect::<Vec<_>>().join("\n")
    }
}

impl Exchange {
    fn read(title: &str, lines: &[&str]) -> Result<Self, String> {
        let end = lines.iter().position(|line| *line == "---").unwrap_or(lines.len());
        let mut request = lines[..end].iter();
        let first = request.next().ok_or("no request line")?;
        let (method, target) = first.split_once(' ').ok_or("a method and a target")?;
        let mut headers = Vec::new();
        for line in request.by_ref().take_while(|line| !line.is_empty()) {
            let (name, value) = line.split_once(": ").ok_or_else(|| format!("no header: {line}"))?;
            headers.push((name.to_owned(), value.to_owned()));
        }
        let body = request.copied().collect::<Vec<_>>().join("\n").trim().to_owned();
        Ok(Self {
            title: title.into(),
            method: method.into(),
            target: target.into(),
            headers,
            body: (!body.is_empty()).then_some(body),
            reply: lines.get(end + 1..).unwrap_or_default().join("\n").trim().into(),
        })
    }

    fn text(&self) -> String {
        let headers: String = self.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        let body = self.body.as_ref().map(|body| format!("\n{body}\n")).unwrap_or_default();
        let Self { title, method, target, reply, .. } = self;
        format!("{TITLE}{title}\n{method} {target}\n{headers}{body}---\n{reply}\n")
    }
}

/// JSON in lines, members in their order and every number as it is spelt; anything else as it is.
pub fn in_lines(body: &str) -> String {
    let is_json = |text: &str| serde_json::from_str::<serde_json::Value>(text).is_ok();
    if is_json(body) {
        return set(body);
    }
    // A body of JSON lines.
    let mut lines = body.lines().peekable();
    let all = lines.peek().is_some() && lines.clone().all(is_json);
    if all { lines.map(set).collect::<Vec<_>>().join("\n") } else { body.trim_end().into() }
}

fn set(json: &str) -> String {
    let (mut set, mut depth, mut quoted, mut escaped) = (String::new(), 0_usize, false, false);
    let mut letters = json.chars().filter(|letter| *letter != '\n').peekable();
    while let Some(letter) = letters.next() {
        if quoted {
            set.push(letter);
            quoted = escaped || letter != '"';
            escaped = letter == '\\' && !escaped;
            continue;
        }
        match letter {
            '"' => {
                quoted = true;
                set.push('"');
            }
            '{' | '[' => {
                set.push(letter);
                if matches!(letters.peek(), Some('}' | ']')) {
                    set.extend(letters.next());
                } else {
                    depth += 1;
                    new_line(&mut set, depth);
                }
            }
            '}' | ']' => {
                depth -= 1;
                new_line(&mut set, depth);
                set.push(letter);
            }
            ',' => {
                set.push(',');
                new_line(&mut set, depth);
            }
            ':' => set.push_str(": "),
            _ => set.push(letter),
        }
    }
    set
}

fn new_line(set: &mut String, depth: usize) {
    set.push('\n');
    set.push_str(&"  ".repeat(depth));
}

#[test]
fn what_is_read_is_written_as_it_stood() {
    let text = "A word.\n\n### one\nGET /a?b={token:ada}\nx-api-key: <token-1>\n---\n200\na: b\n\n{\n}\n\n### two\nPOST /b\n\n{\n  \"c\": 1\n}\n---\n204\n";
    let file = File::read(text).unwrap();
    assert_eq!(file.text(), text);
    assert_eq!((file.exchanges.len(), file.exchanges[1].body.as_deref()), (2, Some("{\n  \"c\": 1\n}")));
    assert_eq!(file.exchanges[1].headers, []);
    assert!(File::read("### one\nGET /a\nnonsense\n---\n").is_err());
}

#[test]
fn json_is_set_in_lines_and_nothing_of_it_is_lost() {
    let json = r#"{"b":[],"a":{"x":"{,\":\\","y":1.0},"c":[1,{}]}"#;
    let set = in_lines(json);
    assert_eq!(set.lines().count(), 11, "{set}");
    let joined: String = set.lines().map(str::trim_start).collect();
    assert_eq!(joined.replace(": ", ":"), json);
    assert_eq!(in_lines("{}\n[1]\n"), "{}\n[\n  1\n]");
    assert_eq!(in_lines("Unauthorized\n"), "Unauthorized");
}
