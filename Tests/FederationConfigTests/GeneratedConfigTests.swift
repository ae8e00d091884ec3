import FederationCore
import Testing

@testable import FederationConfig

@Suite struct GeneratedConfigTests {
    /// A failing seed repeats exactly.
    @Test(arguments: 0..<8)
    func inAnyLayoutEveryEditSaysWhatItMustAndLosesNoComment(seed: UInt64) throws {
        var random = SeededNumbers(state: 0x9E37_79B9_7F4A_7C15 &+ seed &* 0x0123_4567)
        var refused = 0
        var edited = 0
        for _ in 0..<150 {
            let made = GeneratedConfig(using: &random)
            let config = try decoded(made.text).config
            #expect(config.peers.map(\.name) == made.peers, "\(made.text)")
            for edit in Edit.all(of: config) {
                let result: [UInt8]
                do throws(ConfigEditFailure) { result = try edit.carriedOut(on: Array(made.text.utf8)) } catch {
                    #expect(error == .layout, "\(edit): \(error)\n\(made.text)")
                    refused += 1
                    continue
                }
                edited += 1
                let text = String(decoding: result, as: UTF8.self)
                #expect(try decoded(text).config == edit.wanted(of: config), "\(edit)\n\(made.text)")
                for (words, peer) in made.comments where edit != .remove(peer ?? "") {
                    #expect(text.contains(words), "\(edit) lost \(words):\n\(made.text)\n→\n\(text)")
                }
                if made.text.utf8.contains(0x0D) { #expect(result.count { $0 == 0x0A } == result.count { $0 == 0x0D }) }
            }
        }
        #expect(edited > 1500)
        #expect(refused * 200 < edited, "\(refused) of \(edited) were refused")
    }
}
