"""The demo: a billing story told through the SDK, with every figure checked."""
