// The emitted files have no delays and name no unit; clocks are made in nanoseconds.
`timescale 1ns / 1ps
