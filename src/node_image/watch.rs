//! Build script: rebuild when anything under `node-image/` changes, since it
//! is embedded in the binary and `include_dir!` alone does not tell cargo.

fn main() {
    println!("cargo::rerun-if-changed=node-image");
    println!("cargo::rerun-if-changed=configs/addons");
    println!("cargo::rerun-if-changed=src/node_image/watch.rs");
}
