import Glibc
import Testing

@testable import Federation

/// No signal is lost, however early it comes. Each in a process of its own.
@Suite struct StopSignalsTests {
    @Test func oneThatComesAtOnceIsHeeded() async {
        for _ in 0..<5 {
            await #expect(processExitsWith: .success) {
                let signals = StopSignals()
                kill(getpid(), SIGTERM)
                Task.detached {
                    try await Task.sleep(for: .seconds(20))
                    exit(1)
                }
                await signals.first()
                exit(0)
            }
        }
    }

    @Test func theSecondOneEndsTheProcess() async {
        await #expect(processExitsWith: .signal(SIGINT)) {
            let signals = StopSignals()
            kill(getpid(), SIGINT)
            await signals.first()
            kill(getpid(), SIGINT)
            try? await Task.sleep(for: .seconds(20))
        }
    }

    @Test func eachHangUpIsHeeded() async {
        await #expect(processExitsWith: .success) {
            let hangups = HangupSignals()
            Task.detached {
                try await Task.sleep(for: .seconds(20))
                exit(1)
            }
            var count = 0
            kill(getpid(), SIGHUP)
            for await _ in hangups.stream {
                count += 1
                if count == 3 { exit(0) }
                kill(getpid(), SIGHUP)
            }
        }
    }
}
