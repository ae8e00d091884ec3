import Synchronization

/// One decoder under test: bytes in, and a trap where they do what no bytes may do.
protocol Fuzzer: SendableMetatype {
    /// The name of the fuzzer and of its corpus.
    static var name: String { get }
    static func take(_ bytes: [UInt8])
    /// Where it begins: inputs that reach far, made by what is under test or written by hand.
    static var seeds: [Seed] { get throws }
}

/// One file of a corpus.
struct Seed {
    var name: String
    var bytes: [UInt8]

    init(_ name: String, _ bytes: [UInt8]) {
        self.name = name
        self.bytes = bytes
    }

    init(_ name: String, _ text: String) { self.init(name, Array(text.utf8)) }
}

/// Ends the process, which is what libFuzzer takes for a finding.
func fail(_ what: String, file: StaticString = #fileID, line: UInt = #line) -> Never {
    fatalError("FINDING: \(what)", file: file, line: line)
}

func require(_ isSo: Bool, _ what: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line) {
    if !isSo { fail(what(), file: file, line: line) }
}

/// The fuzzer that was asked for: what libFuzzer calls may hold nothing of its own.
let underTest = Mutex<any Fuzzer.Type>(EventJSON.self)
