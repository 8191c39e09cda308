//! Wires of the emitted Verilog that rust-hdl writes as assignments in a block's one process.
//!
//! A process is a knot for tools: what it reads and what it writes all depend on each other, so that a ready that leaves
//! a block and a valid that enters it look like a loop, and a clock handed on looks generated. Whatever is assigned once, whole
//! and under no condition becomes a continuous assignment, which says the same.

use std::collections::BTreeMap;
use std::fmt::Write;

const PROCESS: &str = "always @(*) begin";

/// `text` with the wires taken out of the processes.
pub fn untie(text: &str) -> String {
    let mut untied = String::with_capacity(text.len());
    let mut module = Vec::new();
    for line in text.lines() {
        module.push(line);
        if line.starts_with("endmodule") {
            untie_module(&module, &mut untied);
            module.clear();
        }
    }
    for line in module {
        writeln!(untied, "{line}").expect("a String takes all");
    }
    untied
}

fn untie_module(lines: &[&str], untied: &mut String) {
    let wires = wires(lines);
    let mut in_process = false;
    for line in lines {
        let words = line.trim();
        in_process |= words == PROCESS;
        if in_process && target(words).is_some_and(|(net, _)| wires.contains_key(net)) {
            continue;
        }
        match declared(words).filter(|net| wires.contains_key(net)) {
            Some(_) => writeln!(untied, "{}", line.replacen("reg ", "wire", 1)),
            None => writeln!(untied, "{line}"),
        }
        .expect("a String takes all");
        if in_process && *line == "    end" {
            in_process = false;
            for (net, value) in &wires {
                writeln!(untied, "    assign {net} = {value}").expect("a String takes all");
            }
        }
    }
}

/// Nets that the module's process assigns once, whole and under no condition, with what it assigns.
fn wires<'a>(lines: &[&'a str]) -> BTreeMap<&'a str, &'a str> {
    let mut wires = BTreeMap::new();
    let mut tied = Vec::new();
    let process = lines.iter().skip_while(|line| line.trim() != PROCESS).skip(1);
    for line in process.take_while(|line| **line != "    end") {
        if let Some((net, value)) = target(line.trim()) {
            let unconditional = line.starts_with("        ") && !line.starts_with("         ");
            let whole = !net.contains('[');
            let net = net.split('[').next().expect("a split has a first");
            match value {
                Some(value) if unconditional && whole && !wires.contains_key(net) && !tied.contains(&net) => {
                    wires.insert(net, value);
                }
                _ => {
                    wires.remove(net);
                    tied.push(net);
                }
            }
        }
    }
    wires
}

/// What a line assigns, and the value if all of it is on this line.
fn target(words: &str) -> Option<(&str, Option<&str>)> {
    let (net, value) = words.split_once(" = ")?;
    let is_net = net.chars().all(|c| c.is_ascii_alphanumeric() || "_$[]()+:' ".contains(c));
    is_net.then_some((net, Some(value).filter(|value| value.ends_with(';'))))
}

/// The net that a line declares as a variable.
fn declared(words: &str) -> Option<&str> {
    let declaration = words.strip_prefix("output ").unwrap_or(words);
    declaration.strip_prefix("reg ")?.trim_end_matches(';').split_whitespace().last()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_assigned_once_whole_and_always_becomes_a_wire() {
        let text = "module m(a,b,c,d);
    input wire  a;
    output reg  b;
    output reg  [1:0] c;
    output reg  d;
    reg  [3:0] e;
    always @(*) begin
        b = a;
        c[(32'h0)+:(1)] = a;
        d = a;
        e = 4'h0;
        if (a) begin
            d = ~a;
        end
    end
    
endmodule // m
";
        let expected = "module m(a,b,c,d);
    input wire  a;
    output wire b;
    output reg  [1:0] c;
    output reg  d;
    wire [3:0] e;
    always @(*) begin
        c[(32'h0)+:(1)] = a;
        d = a;
        if (a) begin
            d = ~a;
        end
    end
    assign b = a;
    assign e = 4'h0;
    
endmodule // m
";
        assert_eq!(untie(text), expected);
    }
}
