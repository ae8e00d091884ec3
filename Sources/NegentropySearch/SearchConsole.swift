import Glibc
import NegentropyTestKit

/// Says what was found, and ends the program.
struct SearchConsole {
    let seed: UInt64
    private var hasFailed = false

    init(seed: UInt64) { self.seed = seed }

    mutating func show(_ name: String, _ finding: LossSearch.Finding) {
        var line = "\(name): \(finding.sessions) sessions, \(finding.failures.count) wrong"
        if finding.reference > 0 {
            line += "; the reference's rule: \(finding.reference) sessions, \(finding.referenceLosses) wrong"
        }
        print(line)
        for failure in finding.failures { print("  \(failure)") }
        if !finding.failures.isEmpty { hasFailed = true }
    }

    /// A search that finds nothing in the reference's rule either would prove nothing of ours.
    mutating func end(referenceLosses: Int) -> Never {
        if referenceLosses == 0 {
            print("the directed pairs no longer find the loss they are made for")
            hasFailed = true
        }
        print(hasFailed ? "FAILED, seed \(seed)" : "nothing is lost, seed \(seed)")
        exit(hasFailed ? 1 : 0)
    }
}
