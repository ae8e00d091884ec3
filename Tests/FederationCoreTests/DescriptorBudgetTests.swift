import Testing

@testable import FederationCore

struct DescriptorBudgetTests {
    @Test func aLimitIsRaisedAsFarAsItMayBeAndNeverLowered() {
        #expect(DescriptorBudget(soft: 1024, hard: 524_288)?.limit == Limits.descriptors)
        #expect(DescriptorBudget(soft: 1024, hard: 4096)?.limit == 4096)
        #expect(DescriptorBudget(soft: 1_000_000, hard: 1_000_000)?.limit == 1_000_000)
        #expect(DescriptorBudget(soft: 64, hard: .max)?.limit == Limits.descriptors)
        #expect(DescriptorBudget(soft: .max, hard: .max)?.limit == .max)
    }

    @Test func withTooFewNothingIsBegun() {
        #expect(DescriptorBudget(soft: 127, hard: 127) == nil)
        #expect(DescriptorBudget(soft: 128, hard: 128)?.limit == 128)
    }

    @Test(arguments: [128, 256, 1024, 16_384]) func fiveListenersLeaveRoomForTheRest(limit: Int) {
        let connections = DescriptorBudget.connections(of: limit)
        #expect(connections >= 12 && connections * 5 + Limits.descriptorsKept <= limit)
    }

    @Test func whatANodeIsGrantedIsLimitedByItsOwnBoundOnceItMayHaveEnough() {
        #expect(DescriptorBudget.connections(of: Limits.descriptors) > Limits.connections)
    }
}
