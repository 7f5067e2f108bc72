//! Passes the memory map of each board to the linker; other targets build the library only.

fn main() {
    let arch = std::env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    let os = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    let here = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    let base = match arch.as_str() {
        "arm" => None,
        "riscv32" => Some("0x80000000"), // where the memory begins, and where the machine starts without firmware of its own
        "aarch64" => Some("0x40080000"), // behind what QEMU puts at the start of the memory
        _ => return,
    };
    if os == "none" {
        println!("cargo:rustc-link-search={here}");
        match base {
            None => {
                // Armv6-M stands for the board with the least memory.
                let v6m = std::env::var("TARGET").is_ok_and(|target| target.starts_with("thumbv6m"));
                println!("cargo:rustc-link-search={here}/memory/{}", if v6m { "microbit" } else { "mps2" });
                println!("cargo:rustc-link-arg-bins=-Tlink.x"); // of cortex-m-rt; it includes our memory.x
            }
            Some(base) => {
                println!("cargo:rustc-link-arg-bin=firmware=-Tvirt.x");
                println!("cargo:rustc-link-arg-bin=firmware=--defsym=IMAGE_BASE={base}");
            }
        }
    }
    println!("cargo:rerun-if-changed=memory");
    println!("cargo:rerun-if-changed=virt.x");
    println!("cargo:rerun-if-changed=build.rs");
}
