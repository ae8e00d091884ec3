import FederationConfig
import FederationCore
import Testing

@Suite struct YAMLDocumentTests {
    private typealias Case = (text: String, line: Int, column: Int, reason: ConfigProblem.Reason)

    @Test func whatIsRefusedByDesignIsNamedWithItsPlace() {
        let cases: [Case] = [
            ("", 1, 1, .emptyDocument),
            ("# only a comment\n", 1, 1, .emptyDocument),
            ("---\n", 2, 1, .emptyDocument),
            ("name: a\n---\nname: b\n", 2, 1, .severalDocuments),
            ("name: a\nname: b\n", 2, 1, .duplicateKey("name", first: Mark(line: 1, column: 1))),
            (
                "name: a\nlog: {level: info, 'level': debug}\n", 2, 20,
                .duplicateKey("level", first: Mark(line: 2, column: 7))
            ),
            ("name: &n a\n", 1, 7, .anchor),
            ("name: a\ndata: *n\n", 2, 7, .alias),
            ("name: !!str a\n", 1, 7, .tag),
            ("%TAG ! tag:example.com,2026:\n---\nname: a\n", 1, 1, .tag),
            ("name:\ta\n", 1, 6, .tab),
            ("name: a\nlog:\n\tlevel: info\n", 3, 1, .tab),
            ("name: a\t# comment\twith\ttabs\n", 1, 8, .tab),
            ("name: a\n? [b]\n: c\n", 2, 3, .keyIsNotText),
            ("name: a\u{1B}[0m\n", 1, 8, .controlCharacter(0x1B)),
            ("name: a\u{0}\n", 1, 8, .controlCharacter(0)),
            ("name: a\n# \u{85}\n", 2, 3, .controlCharacter(0x85)),
            ("name: äö\u{2028}\n", 1, 9, .controlCharacter(0x2028)),
            ("- name: a\n", 1, 1, .wrongKind(expected: .mapping, found: .list)),
            ("hello\n", 1, 1, .wrongKind(expected: .mapping, found: .text)),
        ]
        for (text, line, column, reason) in cases {
            let found = problems(text)
            #expect(found.map(\.reason) == [reason], "\(text)")
            #expect(found.first?.at == Mark(line: line, column: column), "\(text)")
        }
    }

    @Test func whatLibyamlRefusesCarriesItsWordsAndItsPlace() {
        let cases = [
            ("name: a: b\n", "1:8: not valid YAML: mapping values are not allowed in this context"),
            (
                "name: [a\ndata: b\n",
                "2:5: not valid YAML: did not find expected ',' or ']' "
                    + "(while parsing a flow sequence that begins at 1:7)"
            ),
            (
                "name: \"a\n",
                "2:1: not valid YAML: found unexpected end of stream "
                    + "(while scanning a quoted scalar that begins at 1:7)"
            ),
            ("name: @a\n", "1:7: not valid YAML: found character that cannot start any token"),
            ("name: a\n data: b\n", "2:6: not valid YAML: mapping values are not allowed in this context"),
        ]
        for (text, description) in cases { #expect(problems(text).map(\.description) == [description]) }
    }

    @Test func bytesThatAreNotUTF8AreRefusedWhereTheyStand() {
        let cases: [([UInt8], Int)] = [
            ([0xFF], 4), ([0xC3], 4), ([0xE2, 0x82], 4), ([0xED, 0xA0, 0x80], 4), ([0xC0, 0x80], 4),
            ([0xF4, 0x90, 0x80, 0x80], 4),
        ]
        for (bytes, column) in cases {
            guard case .failure(let failure) = Config.decode(Array("x: ".utf8) + bytes + [0x0A]) else {
                Issue.record("\(bytes) was read")
                continue
            }
            #expect(failure.problems == [ConfigProblem(at: Mark(line: 1, column: column), path: [], reason: .notUTF8)])
        }
        // UTF-16, with and without its mark.
        for bytes in [[0xFF, 0xFE, 0x6E, 0x00], [0x6E, 0x00, 0x61, 0x00]] as [[UInt8]] {
            guard case .failure = Config.decode(bytes) else {
                Issue.record("\(bytes) was read")
                continue
            }
        }
    }

    @Test func columnsCountCharactersNotBytes() {
        #expect(problems("name: a\ndata: {日本語: 1, b: c}\n").first?.at == Mark(line: 2, column: 7))
        #expect(problems("\"日本語\": 1\nname: a\n'ö': {\"ä\": 1}\n").map(\.at.line) == [1, 3])
        #expect(problems("name: a\nlog: {\"日本語\": 1, level: x}\n").map(\.at.column) == [7, 24])
    }

    @Test func nestingHasALimit() {
        func nested(_ depth: Int) -> String {
            "name: " + String(repeating: "[", count: depth) + String(repeating: "]", count: depth) + "\n"
        }
        #expect(problems(nested(31)).map(\.reason) == [.wrongKind(expected: .text, found: .list)])
        #expect(problems(nested(32)).map(\.reason) == [.tooDeep(limit: 32)])
        #expect(problems(nested(20_000)).map(\.reason) == [.tooDeep(limit: 32)])
        #expect(problems("name: " + String(repeating: "{a: ", count: 20_000)).map(\.reason) == [.tooDeep(limit: 32)])
        #expect(problems(String(repeating: "- ", count: 20_000)).map(\.reason) == [.tooDeep(limit: 32)])
    }

    @Test func sizeAndNumberOfValuesHaveLimits() {
        let comment = "#" + String(repeating: "x", count: Limits.configBytes)
        #expect(problems(comment).map(\.reason) == [.tooLong(limit: Limits.configBytes)])
        let values = "hosts: [" + String(repeating: "a,", count: 60_000) + "]\n"
        #expect(problems(values).map(\.reason) == [.tooManyValues(limit: Limits.configValues)])
        let tabs = String(repeating: "\t\n", count: 10_000)
        #expect(problems(tabs).count == 100)
    }

    @Test func aRefusedValueIsToldOnce() {
        #expect(problems("name: a\ninterval: *x\npeers: *y\nlog: *z\n").map(\.reason) == [.alias, .alias, .alias])
        #expect(problems("name: a\nlog: &l {level: loud}\n").count == 2)
    }

    @Test func theNodesOfATextHaveTheirPlaces() throws {
        let root = try #require(YAMLDocument.parse(Array("a:\n  - b: 1\n  - [x, 'y']\n".utf8)).root)
        #expect(root["a"]?.kind == .list)
        #expect(root.nearest(to: [.key("a"), .index(1), .index(1)]).at == Mark(line: 3, column: 9))
        #expect(root.nearest(to: [.key("a"), .index(1), .index(1)]).content == .scalar("y", isPlain: false))
        #expect(root["b"] == nil)
    }
}
