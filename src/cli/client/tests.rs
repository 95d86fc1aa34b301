//! What is asked and how; and what is said where no answer comes.

use std::io::Read as _;
use std::os::unix::net::UnixListener;

use super::*;

#[tokio::test]
async fn what_isnt_answered_in_time_is_asked_for_again_under_the_same_key() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("silent");
    // Whoever connects is let wait.
    let server = UnixListener::bind(&path).unwrap();
    let client = Client::remote(Endpoint::Unix(path), SecretText::new("x"));
    let key = Key::parse("what-was-asked-for-once").unwrap();
    let made = client.make_within(Duration::from_millis(100), "/v1/tokens", Map::new(), &key).await;
    let told = format!("{:#}", made.unwrap_err());
    assert!(told.contains("ask again with --idempotency-key what-was-asked-for-once"), "{told}");
    assert!(told.ends_with("the server didn't answer in time"), "{told}");
    for _ in 0..2 {
        let mut asked = [0; 4096];
        let length = server.accept().unwrap().0.read(&mut asked).unwrap();
        let asked = String::from_utf8_lossy(&asked[..length]);
        assert!(asked.contains("what-was-asked-for-once"), "{asked}");
    }
}

#[test]
fn names_stay_one_segment() {
    assert_eq!(path_of("/v1/users", "a/b?c#d e%ü").unwrap(), "/v1/users/a%2Fb%3Fc%23d%20e%25%C3%BC");
    assert_eq!(path_of("/v1/users", "o_k-1.x~").unwrap(), "/v1/users/o_k-1.x~");
    for name in ["", ".", ".."] {
        assert!(path_of("/v1/users", name).is_err());
    }
}

#[test]
fn the_next_page_stands_in_a_header() {
    assert_eq!(next_cursor("</v1/events?format=csv&cursor=a%3D&limit=2>; rel=\"next\""), Some("a%3D"));
    for none in ["", "</v1/events?cursor=a>; rel=\"prev\"", "</v1/events>; rel=\"next\"", "<x"] {
        assert_eq!(next_cursor(none), None, "{none}");
    }
}

#[test]
fn a_form_holds_its_text_whole() {
    let fields = [("token", "a&b=c+d"), ("path", "/x?y")];
    let (media_type, body) =
        Body::Form(fields.map(|(name, text)| (name, SecretText::new(text))).into()).encode();
    assert_eq!(media_type, Some("application/x-www-form-urlencoded"));
    assert_eq!(body, b"token=a%26b%3Dc%2Bd&path=%2Fx%3Fy");
}
