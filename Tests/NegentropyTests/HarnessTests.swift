import Negentropy
import NegentropyTestKit
import Testing

@testable import NegentropyHarness

/// Two sides that know each other only by lines, as the reference's driver runs them.
struct HarnessTests {
    private func side(_ items: some Sequence<Int>, frameLimit: Int?) throws -> Harness {
        var side = Harness(settings: try .limited(frameLimit))
        for number in items {
            let line = "item,\(number / 3),\(item(0, "harness-\(number)").id)"
            #expect(try side.reply(to: line).isEmpty)
        }
        #expect(try side.reply(to: "seal").isEmpty)
        return side
    }

    @Test(arguments: [nil, 4096])
    func twoProcessesWouldFindWhatDiffers(frameLimit: Int?) throws {
        var a = try side(0..<300, frameLimit: frameLimit)
        var b = try side((0..<300).filter { $0 % 9 != 0 } + [400], frameLimit: frameLimit)
        var found: Set<String> = []
        var lines = try a.reply(to: "initiate")
        while let message = lines.last, message != "done" {
            found.formUnion(lines.dropLast())
            let answer = try b.reply(to: message)
            #expect(answer.count == 1)
            lines = try a.reply(to: answer[0])
        }
        found.formUnion(lines.dropLast())
        var expected = Set((0..<300).filter { $0 % 9 == 0 }.map { "have,\(item(0, "harness-\($0)").id)" })
        expected.insert("need,\(item(0, "harness-400").id)")
        #expect(found == expected)
    }

    @Test(arguments: ["item,1,ab", "item,-1,00", "msg,6", "msg,zz", "seal,", "other", "initiate", "msg,61"])
    func aLineThatIsNotOfTheProtocolIsAnError(line: String) throws {
        var harness = Harness(settings: .standard)
        #expect(throws: Harness.Failure.self) { try harness.reply(to: line) }
        #expect(try harness.reply(to: "").isEmpty)
    }
}
