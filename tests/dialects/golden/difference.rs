//! Two texts side by side: what is missing, what is new, and a few lines around.

/// Lines that stand around a difference.
const AROUND: usize = 3;

/// The lines that differ, `-` before those of `old` and `+` before those of `new`; none where all are the same.
pub fn between(old: &str, new: &str) -> Option<String> {
    let lines = aligned(&old.lines().collect::<Vec<_>>(), &new.lines().collect::<Vec<_>>());
    let near = |at: usize| {
        let from = at.saturating_sub(AROUND);
        lines[from..lines.len().min(at + AROUND + 1)].iter().any(|(sign, _)| *sign != ' ')
    };
    let (mut shown, mut title, mut skipped) = (Vec::new(), None, false);
    for (at, (sign, line)) in lines.iter().enumerate() {
        if let Some(name) = line.strip_prefix("### ") {
            title = Some(name);
        }
        if !near(at) {
            skipped = true;
            continue;
        }
        if std::mem::take(&mut skipped) {
            shown.push(format!("  … {}\n", title.unwrap_or_default()));
        }
        shown.push(format!("{sign} {line}\n"));
    }
    lines.iter().any(|(sign, _)| *sign != ' ').then(|| shown.concat())
}

/// Both texts' lines in one order, by their longest common subsequence.
fn aligned<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<(char, &'a str)> {
    let mut common = vec![vec![0_usize; new.len() + 1]; old.len() + 1];
    for at in (0..old.len()).rev() {
        for by in (0..new.len()).rev() {
            common[at][by] = if old[at] == new[by] {
                common[at + 1][by + 1] + 1
            } else {
                common[at + 1][by].max(common[at][by + 1])
            };
        }
    }
    let (mut at, mut by, mut lines) = (0, 0, Vec::new());
    while at < old.len() || by < new.len() {
        if at < old.len() && by < new.len() && old[at] == new[by] {
            lines.push((' ', old[at]));
            (at, by) = (at + 1, by + 1);
        } else if by == new.len() || (at < old.len() && common[at + 1][by] >= common[at][by + 1]) {
            lines.push(('-', old[at]));
            at += 1;
        } else {
            lines.push(('+', new[by]));
            by += 1;
        }
    }
    lines
}

#[test]
fn a_difference_is_shown_with_its_exchange_and_what_stands_around() {
    let old = "### first\na\nb\nc\n### second\nd\ne\nf\ng\nh\ni\nj";
    assert_eq!(between(old, old), None);
    let shown = between(old, &old.replace("\nh\n", "\nH\nX\n")).unwrap();
    assert_eq!(shown, "  … second\n  e\n  f\n  g\n- h\n+ H\n+ X\n  i\n  j\n");
    assert_eq!(between("a", "a\nb").unwrap(), "  a\n+ b\n");
    assert_eq!(between("a\nb", "b").unwrap(), "- a\n  b\n");
}
