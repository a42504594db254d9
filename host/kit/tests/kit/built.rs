//! Policies that are built for a test: that takes minutes, and `tests/run` lets other tests run meanwhile.

mod broken;
mod house;
