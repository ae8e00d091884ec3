import FederationCore
import FederationCrypto
import Foundation
import Glibc
import Negentropy

/// One session, measured: the processor time of both sides together, without the making of the stores.
struct Measurement {
    enum Failure: Error { case unreadable(String) }

    var nanoseconds: UInt64 = 0
    var rounds = 0
    var up = 0
    var down = 0
    var have = 0
    var need = 0

    init<Store: ItemStore>(_ a: Store, _ b: Store, settings: ReconcileSettings) throws {
        let hash: HashFunction = { sha256($0).bytes }
        // What libcrypto sets up at its first hash is no part of a session.
        _ = hash([])
        let start = processorTime()
        var initiator = Initiator(store: a, settings: settings, hash: hash)
        var responder = Responder(store: b, settings: settings, hash: hash)
        var step = Initiator<Store>.Step.send(try initiator.open())
        while case .send(let message) = step {
            up += message.count
            let answer = try responder.answer(message)
            down += answer.count
            step = try initiator.receive(answer)
        }
        nanoseconds = processorTime() - start
        rounds = initiator.rounds
        have = initiator.have.count
        need = initiator.need.count
    }

    /// Reads `key=value` pairs, as `line` writes them.
    init(line: String) throws {
        var values: [Substring: Int] = [:]
        for pair in line.split(whereSeparator: \.isWhitespace) {
            let sides = pair.split(separator: "=")
            if sides.count == 2, let value = Int(sides[1]) { values[sides[0]] = value }
        }
        func value(_ key: Substring) throws -> Int {
            guard let value = values[key], value >= 0 else { throw Failure.unreadable(line) }
            return value
        }
        nanoseconds = UInt64(try value("cpu_ns"))
        (rounds, up, down) = (try value("rounds"), try value("up"), try value("down"))
        (have, need) = (try value("have"), try value("need"))
    }

    var line: String {
        "cpu_ns=\(nanoseconds) rounds=\(rounds) up=\(up) down=\(down) have=\(have) need=\(need)"
    }
}

/// Processor time that this process has used, in nanoseconds.
func processorTime() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// Bytes of memory that this process has resident.
func residentBytes() -> Int {
    guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return 0 }
    let fields = text.split(separator: " ")
    return (fields.count > 1 ? Int(fields[1]) ?? 0 : 0) * Int(getpagesize())
}
