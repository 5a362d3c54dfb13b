//! How old the Debian packages in an image are.

use std::time::{Duration, SystemTime};

use time::{Date, Month, OffsetDateTime};

/// After so many days it is said that an image lacks updates.
const OLD: i64 = 30;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const EPOCH: Date = OffsetDateTime::UNIX_EPOCH.date();

/// Whether packages of this date, such as `2026-11-24`, are old. A date that is
/// invalid is old.
pub(crate) fn is_old(date: &str, now: SystemTime) -> bool {
    let today = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let today = i64::try_from(today.as_secs() / DAY.as_secs()).unwrap_or(i64::MAX);
    days(date).is_none_or(|date| today - date > OLD)
}

/// Days since 1970.
fn days(date: &str) -> Option<i64> {
    let mut parts = date.splitn(3, '-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
    let date = Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()?;
    Some((date - EPOCH).whole_days())
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
            ("2026-02-29", None),
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
