import FederationCore
import FederationTestKit
import Foundation
import Testing

/// docs/replayers.md, from which a stranger is to write a program, held against the code.
@Suite struct ReplayerPageTests {
    private func page() throws -> String {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        return try String(contentsOf: root.appending(path: "docs/replayers.md"), encoding: .utf8)
    }

    private func examples() throws -> [JSON] {
        try page().components(separatedBy: "```json\n").dropFirst()
            .compactMap { $0.components(separatedBy: "\n```").first }.map { try JSON(Array($0.utf8)) }
    }

    private func members(_ json: JSON?) -> [String] { json?.members?.map(\.key) ?? [] }

    @Test func eachMessageOfANodeIsAsTheNodeWritesIt() throws {
        let examples = try examples()
        let identity = NodeIdentity(id: Sample.node(9), name: "alpha", version: "0", mode: .sync, publicKey: nil)
        var node = SampleNode(9)
        try node.take([Sample.event(Sample.id(1), clock: [1: 1])])
        let stored = try #require(node.log.event(Sample.id(1)))
        for line in [
            ReplayerMessage.hello(node: identity, replayer: "table", window: 64),
            ReplayerMessage.start(after: LogPosition(seq: 17, id: Sample.id(1)), startedOver: false),
            ReplayerMessage.event(stored, isLate: false, attempt: 1),
        ] {
            let written = try JSON(line)
            let fits = examples.filter {
                $0["type"]?.string == written["type"]?.string && members($0) == members(written)
            }
            #expect(fits.count == 1, "\(written["type"]?.string ?? "")")
        }
        // `data_text` is `data`, byte for byte.
        let event = try #require(examples.first { $0["type"]?.string == "event" })
        #expect(event["data_text"]?.string == String(decoding: event["data"]?.raw ?? [], as: UTF8.self))
        let rows = try page().split(separator: "\n").filter { $0.hasPrefix("| `") }.joined()
        for member in members(event) where member != "type" { #expect(rows.contains("`\(member)`"), "\(member)") }
    }

    @Test func eachMessageOfAProgramIsRead() throws {
        var read: [ProgramMessage] = []
        for example in try examples() where example["node"] == nil && !["start", "event"].contains(example["type"]?.string) {
            read.append(try ProgramMessage(line: Array(example.raw)))
        }
        let place = LogPosition(seq: 17, id: try #require(ULID("01KNJX4992ASW6NNKS9BQHNCGC")))
        #expect(read == [
            .hello(.init(name: "table", version: "1", after: .remembered)),
            .hello(.init(name: "table", version: "1", after: .place(place))),
            .ok(seq: 18, id: ULID("01KNJX4993ASW6NNKS9BQHNCGD")),
            .fail(seq: 18, id: nil, .init(.unavailable, retries: true, words: "the index does not answer")),
        ])
    }

    @Test func eachCodeIsDescribed() throws {
        let page = try page()
        for code in ProgramMessage.Refusal.Code.allCases {
            #expect(page.contains("\n| `\(code.rawValue)` | \(code.retries ? "yes" : "no") | "), "\(code)")
        }
        for code in ReplayerFault.codes { #expect(page.contains("`\(code)`"), "\(code)") }
        #expect(page.contains("protocol\":\(ReplayerMessage.version)"))
    }

    @Test func whateverAProgramSaysIsReadOrRefused() throws {
        var random = SeededRandom(seed: 3)
        let seeds = [
            #"{"type":"hello","protocol":1,"name":"p","after":{"seq":1,"id":"01KNJX4992ASW6NNKS9BQHNCGC"}}"#,
            #"{"type":"fail","seq":18,"code":"busy","reason":"é\u0000\ud800","retry":false}"#, #"{"type":"ok","seq":1}"#,
        ]
        for _ in 0..<5000 {
            var line = Array(seeds.randomElement(using: &random)!.utf8)
            for _ in 0..<Int.random(in: 0...4, using: &random) where !line.isEmpty {
                let at = line.indices.randomElement(using: &random)!
                switch Int.random(in: 0..<3, using: &random) {
                case 0: line.remove(at: at)
                case 1: line[at] = UInt8.random(in: 0...255, using: &random)
                default: line.insert(contentsOf: line[..<at], at: at)
                }
            }
            _ = try? ProgramMessage(line: line)
        }
        let long = String(repeating: "é", count: 2000)
        guard case .fail(_, _, let refusal) = try ProgramMessage(line: Array(#"{"type":"fail","seq":1,"code":"busy","reason":"\#(long)"}"#.utf8))
        else {
            Issue.record()
            return
        }
        #expect(refusal.words.utf8.count == Limits.replayerReasonBytes)
    }
}
