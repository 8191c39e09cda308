//! Nets of the emitted Verilog that rust-hdl writes as assignments in a block's one process.
//!
//! A process is a knot for tools: what it reads and what it writes all depend on each other, so that a ready that leaves
//! a block and a valid that enters it look like a loop, and a clock handed on looks generated. Whatever is assigned once, whole
//! and under no condition becomes a continuous assignment, which says the same.
//!
//! The rest is written once, at the process's end, from a variable `net$settling`. A net that is 0 at first and 1 a line
//! later is a glitch to a simulator of events: it wakes whoever reads the net, and two processes that read each other wake
//! each other for ever. Only what goes nowhere but into registers may change on the way.

use std::collections::{BTreeMap, BTreeSet};
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
    let settling = settling(lines, &wires);
    let mut in_process = false;
    let mut write = |line: String| writeln!(untied, "{line}").expect("a String takes all");
    for line in lines {
        let words = line.trim();
        in_process |= words == PROCESS;
        if in_process && target(words).is_some_and(|(net, _)| wires.contains_key(net)) {
            continue;
        }
        if in_process && *line == "    end" {
            in_process = false;
            settling.iter().for_each(|net| write(format!("        {net} = {net}$settling;")));
            write(line.to_string());
            wires.iter().for_each(|(net, value)| write(format!("    assign {net} = {value}")));
        } else if in_process {
            write(
                identifiers(line)
                    .map(|(between, net)| match settling.contains(net) {
                        true => format!("{between}{net}$settling"),
                        false => format!("{between}{net}"),
                    })
                    .collect(),
            );
        } else {
            match declared(words) {
                Some(net) if wires.contains_key(net) => write(line.replacen("reg ", "wire", 1)),
                Some(net) if settling.contains(net) => {
                    write(line.to_string());
                    write(line.replacen("output ", "", 1).replacen(
                        &format!("{net};"),
                        &format!("{net}$settling;"),
                        1,
                    ));
                }
                _ => write(line.to_string()),
            }
        }
    }
}

/// Variables of the module's process that others read before a clock's edge.
fn settling<'a>(lines: &[&'a str], wires: &BTreeMap<&str, &'a str>) -> BTreeSet<&'a str> {
    let mut variables = BTreeSet::new();
    let mut read = BTreeSet::new();
    let mut in_process = false;
    for line in lines {
        let words = line.trim();
        in_process |= words == PROCESS;
        in_process &= *line != "    end";
        if in_process {
            variables.extend(target(words).and_then(|(net, _)| identifiers(net).next()).map(|(_, net)| net));
        } else if words.starts_with("output ") {
            read.extend(declared(words));
        } else if declared(words).is_none() && !words.starts_with(".d(") {
            read.extend(identifiers(line).map(|(_, net)| net));
        }
    }
    read.extend(wires.values().flat_map(|value| identifiers(value).map(|(_, net)| net)));
    variables.retain(|net| read.contains(net) && !wires.contains_key(net));
    variables
}

/// The text cut into what is no identifier and the identifier behind it.
fn identifiers(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
    let mut rest = text;
    std::iter::from_fn(move || {
        let start = rest.find(is_part).unwrap_or(rest.len());
        let (between, from) = rest.split_at(start);
        let (identifier, behind) = from.split_at(from.find(|c| !is_part(c)).unwrap_or(from.len()));
        rest = behind;
        (!between.is_empty() || !identifier.is_empty()).then_some((between, identifier))
    })
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
    fn what_is_assigned_once_whole_and_always_becomes_a_wire_and_the_rest_is_written_once() {
        let text = "module m(a,b,c,d);
    input wire  a;
    output reg  b;
    output reg  [1:0] c;
    output reg  d;
    reg  [3:0] e;
    reg  f$d;
    register f(
        .d(f$d)
    );
    always @(*) begin
        b = a;
        c[(32'h0)+:(1)] = a;
        d = a;
        e = 4'h0;
        if (a) begin
            d = ~a;
        end
        f$d = 1'b0;
        f$d = d;
    end
    
endmodule // m
";
        let expected = "module m(a,b,c,d);
    input wire  a;
    output wire b;
    output reg  [1:0] c;
    reg  [1:0] c$settling;
    output reg  d;
    reg  d$settling;
    wire [3:0] e;
    reg  f$d;
    register f(
        .d(f$d)
    );
    always @(*) begin
        c$settling[(32'h0)+:(1)] = a;
        d$settling = a;
        if (a) begin
            d$settling = ~a;
        end
        f$d = 1'b0;
        f$d = d$settling;
        c = c$settling;
        d = d$settling;
    end
    assign b = a;
    assign e = 4'h0;
    
endmodule // m
";
        assert_eq!(untie(text), expected);
    }
}
