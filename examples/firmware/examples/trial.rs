//! The trial on the host, for comparison with a microcontroller's lines.

#[path = "../../../tests/structures/layouts/page.rs"]
mod page;

use vvp_firmware::trial::{TinyNode, run};

fn main() {
    let mut lines = String::new();
    run(&mut TinyNode::new(), &mut lines).expect("no endpoint is claimed");
    print!("{lines}");
    println!("layouts {:?}", page::check(page::PAGE));
}
