import FederationTestKit
import Testing

@testable import FederationCore

private func read(_ text: String) throws(JSONProblem) -> JSON { try JSON(Array(text.utf8)) }

private func normal(_ text: String) throws -> String { String(decoding: try read(text).normalForm, as: UTF8.self) }

@Suite struct JSONTests {
    @Test func valuesAreReadWithTheirBytes() throws {
        let json = try read(#" { "a" : [1, -2.50, 1e9], "b" : "x\n\u00e9\ud83d\ude00" , "c":null, "d":true } "#)
        #expect(json["a"]?.array?.count == 3)
        #expect(json["a"].map { String(decoding: $0.raw, as: UTF8.self) } == "[1, -2.50, 1e9]")
        #expect(json["a"]?.array?[0].integer == 1)
        #expect(json["a"]?.array?[1].integer == nil)
        #expect(json["b"]?.string == "x\né😀")
        #expect(json["c"]?.isNull == true)
        #expect(json["d"]?.bool == true)
        #expect(json["e"] == nil)
        #expect(json.members?.map(\.key) == ["a", "b", "c", "d"])
    }

    @Test(arguments: [
        "", " ", "{", "[", "[1,]", "{,}", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, "tru", "nul", "01", "-", "1.", "1e",
        ".5", "+1", "NaN", "1 2", "'a'", "\"\u{1}\"", #""\x""#, #""\u12""#, #""\u12G4""#, "\"", "\"\\", "[1}", "{]",
        "\u{FEFF}1", "[1 2]", "{1:2}", "//", "1]", "--1", "0x1",
    ])
    func whatIsNotJSONIsRefused(text: String) {
        #expect(throws: JSONProblem.self) { try read(text) }
    }

    @Test func bytesThatAreNotUTF8AreRefused() {
        for bytes: [UInt8] in [[0xFF], [0x22, 0xC3, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0xC0, 0xAF, 0x22]] {
            #expect(throws: JSONProblem.self) { try JSON(bytes) }
        }
    }

    @Test func nestingIsBounded() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        _ = try read(nested(Limits.jsonDepth))
        #expect(throws: JSONProblem.tooDeep(limit: Limits.jsonDepth)) { try read(nested(Limits.jsonDepth + 2)) }
        #expect(throws: JSONProblem.tooDeep(limit: Limits.jsonDepth)) { try read(nested(1_000_000)) }
        #expect(throws: JSONProblem.tooDeep(limit: Limits.jsonDepth)) {
            try read(String(repeating: #"{"a":"#, count: 100_000))
        }
    }

    @Test func aKeyThatOccursTwiceIsNoticedAtAnyDepth() throws {
        #expect(try read(#"{"a":1,"a":2}"#).hasDuplicateKeys)
        #expect(try read(#"[{"b":{"a":1,"\u0061":2}}]"#).hasDuplicateKeys)
        #expect(try !read(#"{"a":{"a":1},"b":{"a":1}}"#).hasDuplicateKeys)
    }

    @Test(arguments: [2, 15, 16, 17, 18, 40]) func aKeyThatOccursTwiceAmongManyIsNoticed(count: Int) throws {
        func object(_ keys: some Sequence<String>) -> String {
            "{" + keys.map { "\"\($0)\":[{\"inside\":0}]" }.joined(separator: ",") + "}"
        }
        let keys = (0..<count).map { "key \($0)" }
        #expect(try !read(object(keys)).hasDuplicateKeys)
        for place in [0, count / 2, count - 1] {
            #expect(try read(object(keys + [keys[place]])).hasDuplicateKeys)
            // `k` by its escape.
            #expect(try read(object(["\\u006b" + keys[place].dropFirst()] + keys)).hasDuplicateKeys)
        }
        let whole = try read(#"{"twice":{"a":1,"a":2},"once":\#(object(keys))}"#)
        #expect(whole.hasDuplicateKeys && whole["twice"]?.hasDuplicateKeys == true && whole["once"]?.hasDuplicateKeys == false)
    }

    /// Each value inside another is what its own bytes are when they are read alone.
    @Test func aValueInsideAnotherIsWhatItsBytesSay() throws {
        func check(_ json: JSON) throws -> Int {
            let alone = try JSON(Array(json.raw))
            #expect(json.normalForm == alone.normalForm && json.hasDuplicateKeys == alone.hasDuplicateKeys)
            #expect(json.string == alone.string && json.stringBytes == json.string.map { Array($0.utf8) })
            #expect(json.integer == alone.integer && json.bool == alone.bool && json.isNull == alone.isNull)
            #expect(json.array?.map(\.raw) == alone.array?.map(\.raw))
            var count = 1
            for item in json.array ?? [] { count += try check(item) }
            for (key, value) in json.members ?? [] {
                let first = json.members?.first { $0.key.isExactly(key) }
                #expect(json[key]?.raw == first?.value.raw && json[key + "?"] == nil)
                count += try check(value)
            }
            return count
        }
        var random = SeededRandom(seed: 6)
        var checked = 0
        for _ in 0..<2000 { checked += try check(try read(randomJSON(&random, depth: 5))) }
        #expect(checked > 2000)
    }

    @Test func numbersPastTheRangeOfIntegersDoNotTrap() throws {
        #expect(try read("18446744073709551615").unsigned == .max)
        #expect(try read("18446744073709551616").unsigned == nil)
        #expect(try read("-9223372036854775808").integer == .min)
        #expect(try read("9223372036854775808").integer == nil)
        #expect(try read("1e400").integer == nil)
    }

    @Test func theNormalFormIsCompactAndEscapesOnlyWhatItMust() throws {
        #expect(try normal(" { \"b\" : [ 1 , 2.0E+5 ] , \"a\" : { } } ") == #"{"b":[1,2.0E+5],"a":{}}"#)
        #expect(try normal(#""\u0041\/\u003c\u00e9\ud83d\ude00""#) == #""A/<é😀""#)
        #expect(try normal(#""\u0008\u000C\u000a\u000d\u0009\u0022\u005c""#) == #""\b\f\n\r\t\"\\""#)
        #expect(try normal(#""\u0000\u001F\u007f""#) == "\"\\u0000\\u001f\u{7F}\"")
        #expect(try normal(#""\uD800x\udC00""#) == #""\ud800x\udc00""#)
        #expect(try normal(#"{"\u0061":1}"#) == #"{"a":1}"#)
    }

    @Test func theNormalFormOfANormalFormIsItself() throws {
        var random = SeededRandom(seed: 3)
        for _ in 0..<500 {
            let text = randomJSON(&random, depth: 4)
            let once = try read(text).normalForm
            #expect(try JSON(once).normalForm == once, "\(text)")
        }
    }

    /// A text that is in normal form already is taken as it is; a space before it has it written anew.
    @Test func whatIsSeenToBeInNormalFormIs() throws {
        var random = SeededRandom(seed: 5)
        var taken = 0
        for _ in 0..<2000 {
            let spaced = randomJSON(&random, depth: 4)
            for text in [spaced, spaced.replacing(" ,", with: ",").replacing(" : ", with: ":").replacing(", ", with: ",")] {
                let (json, anew) = (try read(text), try read(" " + text))
                #expect(json.normalForm == anew.normalForm, "\(text)")
                if json.normalForm == Array(text.utf8), json.isNormal { taken += 1 }
                if let first = json.array?.last { #expect(try JSON([0x20] + first.raw).normalForm == first.normalForm) }
            }
        }
        #expect(taken > 500)
    }

    @Test func cutOrChangedTextsNeverTrap() {
        var random = SeededRandom(seed: 4)
        for _ in 0..<1000 {
            var bytes = Array(randomJSON(&random, depth: 3).utf8)
            for _ in 0...random.below(3) where !bytes.isEmpty {
                switch random.below(3) {
                case 0: bytes.removeLast(random.below(bytes.count))
                case 1: bytes[random.below(bytes.count)] = UInt8(truncatingIfNeeded: random.next())
                default: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: random.below(bytes.count))
                }
            }
            if let json = try? JSON(bytes) { _ = (json.normalForm, json.hasDuplicateKeys, json.string) }
            _ = try? JSON.elements(ofArray: bytes, limit: 10)
            _ = try? Event(json: bytes)
            _ = try? Snapshot(data: bytes)
        }
    }

    @Test func anArrayIsCutIntoElementsWithoutReadingThem() throws {
        let cut = try JSON.elements(ofArray: Array(#" [ {"a":[1,"]"]} , bad , "\"," ] "#.utf8), limit: 3)
        #expect(cut.map { String(decoding: $0, as: UTF8.self) } == [#"{"a":[1,"]"]} "#, "bad ", #""\"," "#])
        #expect(throws: JSONProblem.tooManyValues(limit: 2)) {
            try JSON.elements(ofArray: Array("[1,2,3]".utf8), limit: 2)
        }
        for text in ["[", "[1", "[1,", "[\"", "[\"\\", "[{", "{}", "[]]", "[1]x"] {
            #expect(throws: JSONProblem.self) { try JSON.elements(ofArray: Array(text.utf8), limit: 9) }
        }
    }

    private func randomJSON(_ random: inout SeededRandom, depth: Int) -> String {
        let scalars = ["a", "é", "\\u00e9", "\\n", "\\ud83d\\ude00", "\\ud800", "😀", "\\/", "<", "\\\"", " "]
        func text(_ random: inout SeededRandom) -> String {
            "\"" + (0..<random.below(5)).map { _ in scalars[random.below(scalars.count)] }.joined() + "\""
        }
        switch random.below(depth > 0 ? 7 : 5) {
        case 0: return "null"
        case 1: return random.chance(0.5) ? "true" : "false"
        case 2: return ["0", "-1", "1.50", "1E+2", "123456789012345678901234567890"][random.below(5)]
        case 3, 4: return text(&random)
        case 5:
            return "["
                + (0..<random.below(4)).map { _ in randomJSON(&random, depth: depth - 1) }.joined(separator: " ,") + "]"
        default:
            let members = (0..<random.below(4)).map { "\"k\($0)\" : " + randomJSON(&random, depth: depth - 1) }
            return "{" + members.joined(separator: ", ") + "}"
        }
    }
}
