use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

fn directory_of_mode(mode: u32) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(mode)).unwrap();
    directory
}

/// What is refused of a path if everything belongs to another user.
fn of_another(path: &Path) -> Option<PathBuf> {
    planted(path, is_like_tmp, |_, _| false)
}

#[test]
fn files_and_directories_are_for_their_user_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a/b/file");
    write_bytes(&path, b"one").unwrap();
    write_bytes(&path, b"two").unwrap();
    assert_eq!(read(&path).unwrap(), b"two");
    assert_eq!(mode(&path), 0o600);
    assert_eq!([mode(path.parent().unwrap()), mode(&directory.path().join("a"))], [0o700; 2]);
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing else is left");
}

#[test]
fn a_link_is_replaced_and_not_followed() {
    let directory = tempfile::tempdir().unwrap();
    let (victim, link) = (directory.path().join("victim"), directory.path().join("link"));
    fs::write(&victim, "precious").unwrap();
    symlink(&victim, &link).unwrap();
    write_bytes(&link, b"new").unwrap();
    assert_eq!(fs::read(&victim).unwrap(), b"precious");
    assert_eq!(fs::read(&link).unwrap(), b"new");
    assert!(!fs::symlink_metadata(&link).unwrap().is_symlink());
}

#[test]
fn a_failure_leaves_the_old_file_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    write_bytes(&path, b"old").unwrap();
    let failed = write(&path, |file| {
        file.write_all(b"new")?;
        Err(io::Error::other("no space"))
    });
    assert!(failed.is_err());
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn what_others_have_put_into_a_shared_directory_is_refused() {
    let (shared, own) = (directory_of_mode(0o1777), tempfile::tempdir().unwrap());
    let at = |name: &str| shared.path().join(name);
    fs::write(at("file"), "").unwrap();
    fs::create_dir(at("directory")).unwrap();
    symlink(own.path(), at("link")).unwrap();
    symlink("/nowhere/else", at("dangling")).unwrap();
    for (path, part) in [
        ("file", "file"),
        ("link", "link"),
        ("dangling", "dangling"),
        ("directory/new/deep", "directory"),
        ("link/new", "link"),
    ] {
        assert_eq!(of_another(&at(path)), Some(at(part)), "{path}");
        assert_eq!(planted(&at(path), is_like_tmp, |_, _| true), None, "{path}");
        refuse_planted(&at(path)).unwrap();
    }
    // Where the temporary directory itself is shared, that belongs to "another", too.
    assert_ne!(of_another(&at("new")), Some(at("new")), "nobody has made it yet");
    let file = own.path().join("file");
    fs::write(&file, "").unwrap();
    assert_ne!(of_another(&file), Some(file), "its directory is not shared");
    let text = refusal(&at("file")).to_string();
    assert!(text.contains("file belongs to another user"), "{text}");
}

/// As with a volume that the containers of a pod share, and with file systems of Windows
/// in WSL.
#[test]
fn in_a_directory_without_the_sticky_bit_only_what_is_used_is_refused() {
    let volume = directory_of_mode(0o777);
    let file = volume.path().join("file");
    fs::write(&file, "").unwrap();
    assert_ne!(of_another(&file), Some(file.clone()));
    assert_eq!(planted(&file, platform::is_shared, |_, _| false), Some(file));
}

#[test]
fn the_owner_of_a_shared_directory_may_own_what_is_in_it() {
    let directory = directory_of_mode(0o1777);
    let owner = platform::owner(directory.path()).unwrap();
    assert!(may_own(owner, directory.path(), &[]));
    assert!(may_own(owner + 1, directory.path(), &[owner + 1]));
    assert!(!may_own(owner + 1, directory.path(), &[owner]));
}
