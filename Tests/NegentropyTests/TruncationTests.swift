import Negentropy
import NegentropyTestKit
import Testing

/// The loss that two limited sides of the reference can suffer (wire section 2), looked for in both rules.
///
/// A debug build looks at as many pairs as a few seconds allow; `NegentropySearch`, optimized, at 2,000 directed and
/// 20,000 random ones (`make test` runs both).
struct TruncationTests {
    /// The pair of the vectors, which is known to be lost, and others of its shape.
    @Test func theReferenceRuleLosesDifferencesAndOursDoesNot() throws {
        let known = VectorSets.truncation
        let pair = SetPair(a: known.a, b: known.b)
        let reference = try ReconcileSettings.limited(4096, .reference)
        let safe = try ReconcileSettings.limited(4096)
        let (a, b) = (try SealedStore(pair.a), try SealedStore(pair.b))
        #expect(try !reconcile(a, b, settings: reference).isExact(pair))
        for (ours, theirs) in [(safe, safe), (safe, reference), (reference, safe)] {
            #expect(try reconcile(a, b, settings: ours, responderSettings: theirs).isExact(pair))
        }
        let finding = try LossSearch(seed: 23).directed(30, over: DirectedPairs(over: pair.a))
        #expect(finding.failures.isEmpty && finding.sessions == 90 && finding.reference == 30)
    }

    @Test func noRandomPairIsLostBetweenTwoLimitedSides() throws {
        let finding = try LossSearch(seed: 29).random(300)
        #expect(finding.failures.isEmpty && finding.sessions == 300)
    }

    @Test(arguments: SetPair.Shape.allCases)
    func anyTwoSetsUnderAnyLimitsAreReconciledExactly(shape: SetPair.Shape) throws {
        let finding = try LossSearch(seed: 31).anything(30, shape, most: 400)
        #expect(finding.failures.isEmpty && finding.sessions == 30)
    }

    @Test func whateverIsSaidBothSidesEndWithinTheirLimits() throws {
        let finding = try LossSearch(seed: 37).adversary(200)
        #expect(finding.failures.isEmpty && finding.sessions == 200)
    }

    /// The search must be able to fail: it is shown sessions that are wrong.
    @Test func theSearchNamesWhatIsWrong() throws {
        var numbers = SeededNumbers(1)
        let pair = SetPair(.spread, most: 400, using: &numbers)
        let honest = try reconcile(SealedStore(pair.a), SealedStore(pair.b), settings: .limited(nil))
        var lossy = honest
        lossy.have.removeFirst()
        var finding = LossSearch.Finding()
        finding.note(honest, pair, (nil, nil), "honest")
        #expect(finding.failures.isEmpty)
        finding.note(lossy, pair, (nil, nil), "lossy")
        finding.note(honest, pair, (nil, 1), "long")
        #expect(finding.failures.count == 2 && finding.sessions == 3)
    }
}
