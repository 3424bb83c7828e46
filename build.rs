//! Makes Rust of `src/eventbus/eventbus.proto`, without a protoc on the machine.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    const SCHEMA: &str = "src/eventbus/eventbus.proto";
    println!("cargo::rerun-if-changed={SCHEMA}");
    let schema = protox::compile([SCHEMA], ["src/eventbus"])?;
    tonic_prost_build::configure().compile_fds(schema)?;
    Ok(())
}
