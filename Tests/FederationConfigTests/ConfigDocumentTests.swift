import FederationCore
import Foundation
import Testing

@testable import FederationConfig

@Suite struct ConfigDocumentTests {
    private let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private func document() throws -> String {
        try String(contentsOf: package.appending(path: "docs/configuration.md"), encoding: .utf8)
    }

    /// The keys that the decoder asks for, as an unknown key brings them to light.
    private func knownKeys() -> [(path: ConfigPath, keys: [String])] {
        keys(of: "name: a\nx: 1\nlog: {x: 1}\nstore: {x: 1}\naccess: {x: 1}\ntls: {x: 1}\nmonitor: {x: 1}\npage: {x: 1}\npeers: [{name: b, endpoint: http://b, x: 1}]\n")
    }

    /// The keys that only the mesh wire asks for.
    private func meshKeys() -> [String] {
        let common = knownKeys().last?.keys ?? []
        let all = keys(of: "name: a\npeers: [{name: b, endpoint: http://b, wire: mesh, x: 1}]\n").last?.keys ?? []
        return all.filter { !common.contains($0) }
    }

    /// The keys of each kind of replayer.
    private func replayerKeys() -> [(path: ConfigPath, keys: [String])] {
        keys(of: "name: a\nreplayers: [{name: b, replayer: exec, command: [c], x: 1}, {name: n, replayer: files, directory: d, x: 1}]\n")
    }

    private func keys(of text: String) -> [(path: ConfigPath, keys: [String])] {
        problems(text).compactMap { problem in
            guard case .unknownKey(_, let known) = problem.reason else { return nil }
            return (problem.path, known)
        }
    }

    /// The rows of the tables, by the heading or the words above each: key, default, what it takes.
    private func rows() throws -> [[(key: String, fallback: String, takes: String)]] {
        var tables: [[(String, String, String)]] = []
        var isTable = false
        // What is only noticed has a table of its own kind.
        let keys = try document().components(separatedBy: "## What is noticed").first ?? ""
        for line in keys.split(separator: "\n", omittingEmptySubsequences: false) {
            guard line.hasPrefix("|") else {
                isTable = false
                continue
            }
            let cells = line.split(separator: "|", omittingEmptySubsequences: false).dropFirst().dropLast()
                .map { $0.trimmingCharacters(in: .whitespaces) }
            if !isTable { tables.append([]) }
            isTable = true
            guard cells.count == 3, cells[0].hasPrefix("`") else { continue }
            tables[tables.count - 1].append((cells[0].trimmingCharacters(in: ["`"]), cells[1], cells[2]))
        }
        return tables
    }

    @Test func eachKeyOfTheDecoderHasItsRowAndNoOtherHas() throws {
        let known = knownKeys()
        #expect(known.map(\.path) == [[], [.key("log")], [.key("store")], [.key("access")], [.key("tls")], [.key("monitor")], [.key("page")], [.key("peers"), .index(0)]])
        #expect(try rows().map { $0.map(\.key).sorted() } == known.map(\.keys) + [meshKeys()] + replayerKeys().map(\.keys))
        #expect(try rows()[known.count].first?.fallback == "`\(MeshSettings().carry.rawValue)`")
    }

    @Test func theDefaultsOfTheDocumentAreThoseOfTheCode() throws {
        let tables = try rows()
        let config = Config(name: "")
        let written = Dictionary(uniqueKeysWithValues: tables[0].map { ($0.key, $0.fallback) })
        #expect(written["data"] == "`\(config.data)`")
        #expect(written["mode"] == "`\(config.mode.rawValue)`")
        #expect(written["interval"] == "`\(config.interval.shortText)`")
        #expect(written["quarantine_after"] == "`\(config.quarantineAfter)`")
        #expect(written["verify"] == "`\(config.verify.rawValue)`")
        #expect(tables[1].first?.fallback == "`\(config.log.level.rawValue)`")
        func expectBounds(_ range: ClosedRange<Duration>, of key: String, in table: Int) {
            let takes = tables[table].first { $0.key == key }?.takes
            #expect(takes == "a duration, `\(range.lowerBound.shortText)` to `\(range.upperBound.shortText)`")
        }
        expectBounds(Config.intervals, of: "interval", in: 0)
        expectBounds(Config.timeouts, of: "timeout", in: 7)
        let sizes = Config.storeSizes
        #expect(tables[2].first?.takes == "a size, `\(sizes.lowerBound.shortText)` to `\(sizes.upperBound.shortText)`")
        let timeout = try Config.Peer(name: "", endpoint: Endpoint("http://b")).timeout
        #expect(tables[7].first { $0.key == "timeout" }?.fallback == "`\(timeout.shortText)`")
    }

    @Test func theExamplesInTheDocumentAreValid() throws {
        let pieces = try document().components(separatedBy: "```yaml\n").dropFirst()
        #expect(!pieces.isEmpty)
        for piece in pieces {
            let text = try #require(piece.components(separatedBy: "```").first)
            #expect(problems(text) == [])
        }
        // The whole one names every key.
        let whole = try #require(pieces.first).prefix { $0 != "`" }
        let root = try #require(YAMLDocument.parse(Array(whole.utf8)).root)
        for (path, keys) in knownKeys() + replayerKeys() {
            let node = root.nearest(to: path.parts.isEmpty ? [] : path.parts[0] == .key("peers") ? lastPeer : path)
            #expect(keys.allSatisfy { node[$0] != nil }, "\(path)")
        }
    }

    private let lastPeer: ConfigPath = [.key("peers"), .index(1)]

    @Test func eachExampleFileIsAValidConfigurationWithoutWarnings() throws {
        let examples = package.appending(path: "examples")
        let files = try FileManager.default.subpathsOfDirectory(atPath: examples.path)
            .filter { $0.hasSuffix(".yaml") && !$0.split(separator: "/").contains { $0.hasPrefix(".") } }
        #expect(files.count >= 2)
        for file in files {
            let loaded = try ConfigFile.load(examples.appending(path: file).path)
            #expect(loaded.decoded.warnings == [], "\(file)")
        }
    }
}
