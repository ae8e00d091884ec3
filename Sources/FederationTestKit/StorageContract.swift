package import FederationCore
import FederationCrypto

/// What every store promises behind `LogReading` and `LogWriting`, one rule a case.
///
/// A store's tests run each rule on a fresh, empty log inside one write transaction:
/// `@Test(arguments: StorageContract.allCases)`.
package enum StorageContract: String, CaseIterable, Sendable {
    case anEmptyLogAnswersNothing
    case eventsComeBackAsTheyWere
    case arrivalIsInOrderOfSeq
    case pagesAreCutByCountAndBytes
    case whatFollowsAPlaceIsAddedUp
    case idsAreInOrderWhateverTheArrival
    case subjectsAreTheirBytes
    case aReplacedEventLeavesAMarker
    case replacementsAreCounted
    case aReplacementMayMoveToAnotherSubject
    case sealingAndStrippingKeepThePlace
    case holdsAreListedAndLifted
    case whatIsNotProvedIsListedAndCounted
    case whenItWasProvedIsKept
    case attestationsAreKeptInOrder
    case chainsAreReadByNumber
    case originsAreSummed
    case holesFollowTheNumbers
    case eventsAreFoundByNumber
    case itemsAreInOrderAndAddUp
    case recordsAreFiltered
    case recordsComeBackWhole
    case recordsAreSearched
    case stateIsKeptByExactKey
    case metaAndWireValuesAreApart
    case quarantineCountsTheSameBytes
    case quarantineIsFoundByDigest
    case quarantineForgetsTheOldestRefused
    case quarantineForgetsTheFurthestDeferred
    case quarantineIsDueInTime
    case quarantineIsMadeDueByCode
    case oddTextsSurvive

    /// A rule that a store broke, with the place in the contract.
    package struct Violation: Error, CustomStringConvertible {
        package var rule: StorageContract
        package var what: String
        package var line: UInt

        package var description: String { "\(rule.rawValue): \(what) (StorageContract line \(line))" }
    }

    /// - Throws: `Violation`, or what the store threw.
    package func check(_ log: inout some LogWriting) throws {
        switch self {
        case .anEmptyLogAnswersNothing: try emptyLog(&log)
        case .eventsComeBackAsTheyWere: try eventsComeBack(&log)
        case .arrivalIsInOrderOfSeq: try arrival(&log)
        case .pagesAreCutByCountAndBytes: try pages(&log)
        case .whatFollowsAPlaceIsAddedUp: try rests(&log)
        case .idsAreInOrderWhateverTheArrival: try orderOfIDs(&log)
        case .subjectsAreTheirBytes: try subjectsAreBytes(&log)
        case .aReplacedEventLeavesAMarker: try markers(&log)
        case .replacementsAreCounted: try replacements(&log)
        case .aReplacementMayMoveToAnotherSubject: try movedSubject(&log)
        case .sealingAndStrippingKeepThePlace: try sealing(&log)
        case .holdsAreListedAndLifted: try holds(&log)
        case .whatIsNotProvedIsListedAndCounted: try proofs(&log)
        case .whenItWasProvedIsKept: try proofTimes(&log)
        case .attestationsAreKeptInOrder: try attestations(&log)
        case .chainsAreReadByNumber: try chains(&log)
        case .originsAreSummed: try origins(&log)
        case .holesFollowTheNumbers: try holesFollow(&log)
        case .eventsAreFoundByNumber: try byNumber(&log)
        case .itemsAreInOrderAndAddUp: try items(&log)
        case .recordsAreFiltered: try recordFilters(&log)
        case .recordsComeBackWhole: try wholeRecords(&log)
        case .recordsAreSearched: try searches(&log)
        case .stateIsKeptByExactKey: try state(&log)
        case .metaAndWireValuesAreApart: try metaAndWires(&log)
        case .quarantineCountsTheSameBytes: try quarantineCounts(&log)
        case .quarantineIsFoundByDigest: try quarantineByDigest(&log)
        case .quarantineForgetsTheOldestRefused: try oldestRefused(&log)
        case .quarantineForgetsTheFurthestDeferred: try furthestDeferred(&log)
        case .quarantineIsMadeDueByCode: try quarantineDueByCode(&log)
        case .quarantineIsDueInTime: try quarantineDue(&log)
        case .oddTextsSurvive: try oddTexts(&log)
        }
    }

    func expect(_ holds: Bool, _ what: @autoclosure () -> String, line: UInt = #line) throws {
        guard holds else { throw Violation(rule: self, what: what(), line: line) }
    }

    func expectEqual<Value: Equatable>(_ found: Value, _ wanted: Value, line: UInt = #line) throws {
        try expect(found == wanted, "found \(found), not \(wanted)", line: line)
    }

    /// Texts by their bytes, which `==` on texts does not compare.
    func expectExactly(_ found: [String], _ wanted: [String], line: UInt = #line) throws {
        try expect(found.map(ExactText.init) == wanted.map(ExactText.init), "found \(found), not \(wanted)", line: line)
    }
}
