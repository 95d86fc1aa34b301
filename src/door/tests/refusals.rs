//! What the door refuses, byte for byte as a client would send it.

use super::*;

/// The status and the code of a refusal, and that it is a document that ends its connection.
#[track_caller]
fn refused(door: &Door, request: impl AsRef<[u8]>, status: u16, code: &str) {
    let request = request.as_ref();
    let reply = door.send(request);
    let sent = String::from_utf8_lossy(&request[..request.len().min(200)]).into_owned();
    assert!(reply.starts_with(&format!("HTTP/1.1 {status} ")), "{sent}\n{reply}");
    assert!(reply.contains("content-type: application/problem+json\r\n"), "{sent}\n{reply}");
    assert!(reply.contains("connection: close\r\n"), "{sent}\n{reply}");
    assert!(reply.contains(&format!("\"code\":\"{code}\"")), "{sent}\n{reply}");
    assert_eq!(reply.matches("HTTP/1.1 ").count(), 1, "smuggled: {sent}\n{reply}");
}

#[test]
fn ambiguous_framing_is_refused_and_nothing_smuggled() {
    let door = Door::open(Limits::default());
    let behind = "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n";
    let cases = [
        ("Content-Length: 3\r\nTransfer-Encoding: chunked", "framing_conflict"),
        ("Transfer-Encoding: chunked\r\nContent-Length: 3", "framing_conflict"),
        ("Content-Length: 3\r\ntransfer-encoding : chunked", "framing_conflict"),
        ("Content-Length: 5\r\nContent-Length: 5", "content_length_repeated"),
        ("Content-Length: 5\r\ncontent-LENGTH: 6", "content_length_repeated"),
        ("Content-Length: 5, 5", "content_length_invalid"),
        ("Content-Length: +5", "content_length_invalid"),
        ("Content-Length: ", "content_length_invalid"),
        ("Content-Length: 99999999999999999999", "content_length_invalid"),
        ("Transfer-Encoding: gzip, chunked", "transfer_encoding_unsupported"),
        ("Transfer-Encoding: chunked, identity", "transfer_encoding_unsupported"),
        ("Transfer-Encoding: xchunked", "transfer_encoding_unsupported"),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "transfer_encoding_unsupported"),
        ("X: y\nZ: z", "line_ending"),
    ];
    for (headers, code) in cases {
        let request = format!("POST /echo HTTP/1.1\r\nHost: h\r\n{headers}\r\n\r\n0\r\n\r\n{behind}{behind}");
        refused(&door, request, 400, code);
    }
}

#[test]
fn broken_chunks_end_their_connection() {
    let door = Door::open(Limits::default());
    let head = "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    for body in [
        "2\nab\r\n0\r\n\r\n",
        "2\r\nabXX0\r\n\r\n",
        "-1\r\n",
        "zz\r\n",
        "11111111111111111\r\n",
        "2\r\nab\r\n0\r\n\n\n",
    ] {
        let reply = door.send(format!("{head}{body}{}", get("/hello")));
        assert!(reply.matches("HTTP/1.1 ").count() <= 1, "{body:?} {reply}");
        assert!(!reply.contains("\r\n\r\nhello"), "{body:?} {reply}");
    }
    // Legal, and still the last request on its connection: its end is told by hyper alone.
    let reply = door.send(format!("{head}2;x=y\r\nab\r\n0\r\n\r\n"));
    assert!(reply.contains("connection: close\r\n") && reply.ends_with("\r\n\r\nab"), "{reply}");
    let long = format!("{head}1;{}\r\na\r\n0\r\n\r\n", "x".repeat(20_000));
    assert!(!door.send(long).starts_with("HTTP/1.1 2"));
}

#[test]
fn paths_that_are_not_plain_are_refused() {
    let door = Door::open(Limits::default());
    for path in [
        "//hello",
        "/a/../hello",
        "/%2e%2E/hello",
        "/./hello",
        "/a%2fb",
        "/a%2Fb",
        "/a%5Cb",
        "/a%5cb",
        "/a%00",
        "/%c0%ae",
        "/a%",
    ] {
        refused(&door, get(path), 400, "path_not_plain");
    }
    assert!(door.send(get_and_close("/hello?next=%2f..//%00")).ends_with("hello"));
}

#[test]
fn other_forms_of_target_are_refused() {
    let door = Door::open(Limits::default());
    for line in ["GET http://h/hello", "OPTIONS *", "CONNECT h:80", "GET h:80"] {
        refused(&door, format!("{line} HTTP/1.1\r\nHost: h\r\n\r\n"), 400, "target_form");
    }
}

#[test]
fn hosts_and_credentials_are_counted() {
    let door = Door::open(Limits::default());
    refused(&door, "GET /hello HTTP/1.1\r\n\r\n", 400, "host_missing");
    refused(&door, "GET /hello HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, "host_repeated");
    for name in ["Authorization", "X-API-Key", "x-access-token", "user-token"] {
        let head = "GET /hello HTTP/1.1\r\nHost: h\r\n";
        refused(&door, format!("{head}{name}: a\r\n{name}: a\r\n\r\n"), 400, "credential_repeated");
        let mut bytes = format!("{head}{name}: ").into_bytes();
        bytes.extend(b"\xff\xfe\r\n\r\n");
        refused(&door, bytes, 400, "credential_not_text");
    }
}

#[test]
fn encoded_bodies_are_refused() {
    let door = Door::open(Limits::default());
    let post = "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Encoding:";
    refused(&door, format!("{post} gzip\r\n\r\nabc"), 415, "content_encoding_unsupported");
    assert!(door.send(format!("{post} identity\r\nConnection: close\r\n\r\nabc")).ends_with("abc"));
}

#[test]
fn sizes_are_limited_and_the_refusal_arrives() {
    let door = Door::open(Limits { body_bytes: 1000, head_bytes: 9000, ..Limits::default() });
    let post = "POST /echo HTTP/1.1\r\nHost: h\r\n";
    let full = "x".repeat(1000);
    assert!(
        door.send(format!("{post}Content-Length: 1000\r\nConnection: close\r\n\r\n{full}")).ends_with(&full)
    );
    refused(&door, format!("{post}Content-Length: 1001\r\n\r\n"), 413, "body_too_large");
    refused(
        &door,
        format!("{post}Content-Length: 10737418240\r\n\r\n{}", "x".repeat(500_000)),
        413,
        "body_too_large",
    );
    let chunks = "100\r\n".to_owned() + &"x".repeat(256) + "\r\n";
    refused(
        &door,
        format!("{post}Transfer-Encoding: chunked\r\n\r\n{}", chunks.repeat(2000)),
        413,
        "body_too_large",
    );
    let headers = |count| "X: y\r\n".repeat(count);
    assert!(door.send(format!("GET /hello HTTP/1.0\r\n{}\r\n", headers(64))).ends_with("hello"));
    refused(&door, format!("GET /hello HTTP/1.1\r\nHost: h\r\n{}\r\n", headers(64)), 431, "too_many_headers");
    refused(&door, format!("GET /hello HTTP/1.1\r\nHost: h\r\n{}\r\n", headers(200)), 431, "head_too_large");
    refused(
        &door,
        format!("GET /hello HTTP/1.1\r\nHost: h\r\nX: {}\r\n\r\n", "y".repeat(400_000)),
        431,
        "head_too_large",
    );
    refused(&door, get(&format!("/{}", "y".repeat(70_000))), 431, "head_too_large");
}

#[test]
fn what_is_not_http_gets_a_bare_400() {
    let door = Door::open(Limits::default());
    for bytes in [
        "nonsense\r\n\r\n",
        "GET /hello\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: h\r\n X: folded\r\n\r\n",
        "\x16\x03\x01\x02\x00",
    ] {
        let reply = door.send(bytes);
        assert!(
            reply.starts_with("HTTP/1.1 400 ") && reply.contains("content-length: 0\r\n"),
            "{bytes:?} {reply}"
        );
    }
    // HTTP/2 isn't spoken in the clear.
    assert!(!door.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").contains("HTTP/2"));
}

#[test]
fn methods_without_a_meaning_here_are_405() {
    let door = Door::open(Limits::default());
    for method in ["TRACE", "PROPFIND", "get"] {
        let reply = door.send(format!("{method} /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
        assert!(reply.starts_with("HTTP/1.1 405 ") && reply.contains("allow: "), "{reply}");
    }
}
