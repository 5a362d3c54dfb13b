use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, lchown};

use super::*;

#[test]
fn a_directory_of_another_user_is_passed_over() {
    let (shared, own) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::set_permissions(shared.path(), Permissions::from_mode(0o1777)).unwrap();
    let (prepared, own) = (shared.path().join("cache"), own.path().join("cache"));
    fs::create_dir(&prepared).unwrap();
    let found = || writable([prepared.join("kubectl"), own.clone()].into_iter());
    assert_eq!(found(), Some(prepared.join("kubectl")));
    // Only root can give something away; for others there is nobody to play.
    if lchown(&prepared, Some(12345), None).is_ok() {
        assert_eq!(found(), Some(own.clone()));
    }
}
