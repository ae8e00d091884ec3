import FederationCore
import FederationTestKit
import Testing

@Suite struct LogEpochsTests {
    @Test func aWordIsGoodUpToWhereTheNextEpochBegan() {
        var epochs = LogEpochs(stored: "a")!
        #expect(epochs.last(of: "a", head: 9) == 9)
        epochs.begin("b", after: 9, isServed: true)
        #expect(epochs.stored == "b a:9")
        #expect(epochs.last(of: "a", head: 12) == 9)
        #expect(epochs.last(of: "b", head: 12) == 12)
        #expect(epochs.last(of: "c", head: 12) == nil)
        #expect(LogEpochs(stored: epochs.stored) == epochs)
    }

    @Test func anEpochThatWasNeverServedLeavesNoTrace() {
        var epochs = LogEpochs(stored: "a")!
        epochs.begin("b", after: 3, isServed: false)
        epochs.begin("c", after: 4, isServed: false)
        epochs.begin("d", after: 5, isServed: true)
        #expect(epochs.stored == "d a:3")
        #expect(epochs.last(of: "b", head: 9) == nil)
    }

    @Test func onlyTheLastEpochsAreRemembered() {
        var epochs = LogEpochs(stored: "e0")!
        for number in 1...1000 { epochs.begin("e\(number)", after: Int64(number), isServed: true) }
        #expect(epochs.last(of: "e1000", head: 5000) == 5000)
        #expect(epochs.last(of: "e999", head: 5000) == 1000)
        #expect(epochs.last(of: "e936", head: 5000) == 937)
        #expect(epochs.last(of: "e935", head: 5000) == nil)
        #expect(LogEpochs(stored: epochs.stored) == epochs)
    }

    @Test(arguments: ["", " ", "~", "~ a:1"])
    func withoutAWordThereIsNoEpoch(text: String) { #expect(LogEpochs(stored: text) == nil) }

    @Test func whatCannotBeReadIsForgotten() {
        #expect(LogEpochs(stored: "~a b:x c d:2 e:99999999999999999999")?.stored == "~a d:2")
    }
}
