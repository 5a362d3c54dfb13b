//! How old the Debian packages in an image are.

use std::time::{Duration, SystemTime};

/// After so many days it is said that an image lacks updates.
const OLD: i64 = 30;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Whether packages of this date, such as `2026-11-24`, are old. A date that is
/// invalid is old.
pub(crate) fn is_old(date: &str, now: SystemTime) -> bool {
    let today = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let today = i64::try_from(today.as_secs() / DAY.as_secs()).unwrap_or(i64::MAX);
    days(date).is_none_or(|date| today - date > OLD)
}

/// Days since 1970 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms",
/// `days_from_civil`).
fn days(date: &str) -> Option<i64> {
    let mut numbers = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (numbers.next()??, numbers.next()??, numbers.next()??);
    if !(1970..10000).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_over_leap_years() {
        for (date, expected) in [
            ("1970-01-01", Some(0)),
            ("2000-02-29", Some(11_016)),
            ("2026-11-24", Some(20_781)),
            ("2026-13-01", None),
            ("2026-11", None),
            ("yesterday", None),
        ] {
            assert_eq!(days(date), expected, "{date}");
        }
    }

    #[test]
    fn packages_are_old_after_a_month() {
        let now = SystemTime::UNIX_EPOCH + DAY * 20_781;
        for (date, old) in
            [("2026-11-24", false), ("2026-10-25", false), ("2026-10-24", true), ("", true)]
        {
            assert_eq!(is_old(date, now), old, "{date}");
        }
    }
}
