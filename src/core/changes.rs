//! What a change made different: the names of the fields, which are all that an event keeps of it.

/// The names of the fields that are different now, in the order they were looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes(Vec<&'static str>);

impl Changes {
    /// Puts `to` where `what` stands, if there is one and it is another; and remembers the field.
    pub fn set<T: PartialEq>(&mut self, field: &'static str, to: Option<T>, what: &mut T) {
        match to {
            Some(to) if to != *what => {
                *what = to;
                self.0.push(field);
            }
            _ => {}
        }
    }

    /// Whether all is as it was.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names parted by spaces.
    pub fn detail(&self) -> String {
        self.0.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::Changes;

    #[test]
    fn only_what_is_different_is_a_change() {
        let (mut name, mut count) = ("a".to_owned(), 1);
        let mut changes = Changes::default();
        changes.set("name", None, &mut name);
        changes.set("name", Some("a".into()), &mut name);
        assert!(changes.is_empty());
        changes.set("name", Some("b".into()), &mut name);
        changes.set("count", Some(2), &mut count);
        assert_eq!((name.as_str(), count, changes.detail().as_str()), ("b", 2, "name count"));
    }
}
