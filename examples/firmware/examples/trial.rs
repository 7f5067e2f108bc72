//! The trial on the host, whose lines a microcontroller's are compared with.

#[path = "../../../tests/structures/layouts/page.rs"]
mod page;

use vvp_firmware::trial::{TinyNode, run};

fn main() {
    let mut lines = String::new();
    run(&mut TinyNode::new(), &mut lines).expect("nobody else has an end of a queue");
    print!("{lines}");
    println!("layouts {:?}", page::check(page::PAGE));
}
