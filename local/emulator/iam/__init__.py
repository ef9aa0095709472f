"""Authorization of every call in the emulator, by the deployed policies: of requests and of calls between services."""
