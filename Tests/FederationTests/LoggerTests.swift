import Federation
import FederationCore
import Synchronization
import Testing

struct LoggerTests {
    private final class Lines: Sendable {
        private let lines = Mutex<[String]>([])
        var all: [String] { lines.withLock { $0 } }
        func add(_ line: String) { lines.withLock { $0.append(line) } }
    }

    private func logged(_ level: Logger.Level, _ body: (Logger) -> Void) -> [String] {
        let lines = Lines()
        body(Logger(level: level, now: { WallTime(milliseconds: 1_775_000_000_000) }) { lines.add($0) })
        return lines.all
    }

    @Test func aLineIsOneFactWithItsTimeAndLevel() {
        let lines = logged(.info) { $0.warning("poll failed", ["peer": "beta", "reason": "network_refused"]) }
        #expect(lines == ["2026-03-31T23:33:20Z warning poll failed peer=beta reason=network_refused"])
    }

    @Test func whatAPeerSaysCannotBreakTheLineOrDriveTheTerminal() {
        let lines = logged(.info) { $0.info("met", ["name": "a\nb\u{1B}[31m c\"d=", "empty": ""]) }
        #expect(lines.count == 1)
        let line = lines.first ?? ""
        #expect(!line.unicodeScalars.contains { $0.value < 0x20 })
        #expect(line.contains(#"name=""#))
        #expect(line.hasSuffix(#"empty="""#))
    }

    @Test func levelsBelowAreNotSaid() {
        #expect(logged(.warning) { logger in
            logger.debug("a")
            logger.info("b")
        }.isEmpty)
        #expect(logged(.debug) { $0.debug("a") }.count == 1)
    }
}
