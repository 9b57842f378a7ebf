"""What has been decided about staff: which role enters where, and what each field of what they reach holds.

A new entry, type or field is not in these tables and fails the tests until somebody has decided about it.
"""

from __future__ import annotations

from app.identity.rules import Role

WINDOW, PRE_REVIEWER, HANDLER, APPROVER = Role.WINDOW_ACCEPTOR, Role.PRE_REVIEWER, Role.HANDLER, Role.APPROVER
ISSUER, SUPERVISOR, MANAGER = Role.ISSUER, Role.SUPERVISOR, Role.DEPARTMENT_MANAGER
CASHIER = Role.CASHIER
STATISTICIAN = Role.STATISTICS_VIEWER
SYSTEM, SECURITY, AUDITOR = Role.SYSTEM_ADMINISTRATOR, Role.SECURITY_ADMINISTRATOR, Role.AUDITOR

EVERY_ROLE = frozenset(Role)
_CASES = frozenset({WINDOW, PRE_REVIEWER, HANDLER, APPROVER, ISSUER, SUPERVISOR})
_KEEPERS = frozenset({SYSTEM, SECURITY, AUDITOR})

ENTRIES: dict[str, frozenset[Role]] = {
    # What anybody may look up, and one's own account.
    "Query.assuranceLevels": EVERY_ROLE,
    "Query.capabilities": EVERY_ROLE,
    "Query.carriers": EVERY_ROLE,
    "Query.item": EVERY_ROLE,
    "Query.items": EVERY_ROLE,
    "Query.myAccount": EVERY_ROLE,
    "Query.mySessions": EVERY_ROLE,
    "Query.paymentChannels": EVERY_ROLE,
    "Query.privacyNotice": EVERY_ROLE,
    "Query.proofMethods": EVERY_ROLE,
    "Query.retentionPeriods": EVERY_ROLE,
    "Query.servicePoints": EVERY_ROLE,
    "Query.bookingRules": EVERY_ROLE,
    "Query.openingExceptions": EVERY_ROLE,
    "Query.slots": EVERY_ROLE,
    "Query.verifyReceipt": EVERY_ROLE,
    "Query.waitingRoom": EVERY_ROLE,
    "Query.hallBoard": EVERY_ROLE,
    "Query.halls": EVERY_ROLE,
    "Mutation.beginSecondFactor": EVERY_ROLE,
    "Mutation.changePassword": EVERY_ROLE,
    "Mutation.confirmSecondFactor": EVERY_ROLE,
    "Mutation.nameDevice": EVERY_ROLE,
    "Mutation.refreshSession": EVERY_ROLE,
    "Mutation.revokeAllSessions": EVERY_ROLE,
    "Mutation.revokeOtherSessions": EVERY_ROLE,
    "Mutation.revokeSession": EVERY_ROLE,
    "Mutation.signIn": EVERY_ROLE,
    "Mutation.signOut": EVERY_ROLE,
    "Mutation.staffSignIn": EVERY_ROLE,
    # Cases.
    "Query.applicant": _CASES - {SUPERVISOR},
    "Query.case": _CASES,
    "Query.desk": _CASES,
    "Mutation.acceptCase": frozenset({WINDOW, PRE_REVIEWER}),
    "Mutation.approveCase": frozenset({APPROVER}),
    "Mutation.denyCase": frozenset({APPROVER}),
    "Mutation.handOverResult": frozenset({WINDOW, ISSUER}),
    # Parcels.
    "Query.shippingLabel": frozenset({ISSUER}),
    "Query.unknownPushes": frozenset({ISSUER, SUPERVISOR}),
    "Mutation.registerParcel": frozenset({ISSUER}),
    "Query.carriersOfNumber": frozenset({ISSUER}),
    "Query.carrierReport": frozenset({CASHIER, MANAGER}),
    "Query.casesToPost": frozenset({ISSUER}),
    "Query.deliveryTasks": frozenset({ISSUER, CASHIER, MANAGER}),
    "Query.handOverSheet": frozenset({ISSUER}),
    "Query.parcelsWithNumber": frozenset({ISSUER, WINDOW}),
    "Query.postingOffers": frozenset({ISSUER}),
    "Mutation.cancelCourier": frozenset({ISSUER}),
    "Mutation.confirmReceipt": frozenset({ISSUER}),
    "Mutation.declareLost": frozenset({ISSUER}),
    "Mutation.handOver": frozenset({ISSUER}),
    "Mutation.closeDeliveryTask": frozenset({ISSUER, CASHIER, MANAGER}),
    "Mutation.postCases": frozenset({ISSUER}),
    "Mutation.receiveMaterials": frozenset({ISSUER, WINDOW}),
    "Mutation.returnMaterials": frozenset({ISSUER}),
    "Mutation.scanReturn": frozenset({ISSUER, WINDOW}),
    "Mutation.takeCarrierStatement": frozenset({CASHIER, MANAGER}),
    # Money.
    "Query.billRefunds": frozenset({CASHIER, MANAGER}),
    "Query.billReceipts": frozenset({CASHIER}),
    "Query.receiptToPrint": frozenset({CASHIER}),
    "Mutation.voidReceipt": frozenset({CASHIER}),
    "Query.unitRefunds": frozenset({CASHIER, MANAGER}),
    "Mutation.approveRefund": frozenset({CASHIER, MANAGER}),
    "Mutation.confirmWindowRefund": frozenset({CASHIER}),
    "Mutation.declineRefund": frozenset({CASHIER, MANAGER}),
    "Mutation.giveUpRefund": frozenset({CASHIER, MANAGER}),
    "Mutation.requestRefund": frozenset({CASHIER}),
    "Mutation.retryRefund": frozenset({CASHIER, MANAGER}),
    "Mutation.returnWhatCame": frozenset({CASHIER}),
    "Query.unitBill": frozenset({CASHIER}),
    "Query.unitBills": frozenset({CASHIER}),
    "Mutation.cancelNotice": frozenset({CASHIER}),
    "Mutation.collectAtWindow": frozenset({CASHIER}),
    "Mutation.exemptBill": frozenset({CASHIER}),
    "Mutation.issueNotice": frozenset({CASHIER}),
    "Mutation.renewBill": frozenset({CASHIER}),
    # The hall.
    "Query.myWindow": frozenset({WINDOW}),
    "Mutation.checkInAtDesk": frozenset({WINDOW}),
    "Mutation.abandonTicket": frozenset({WINDOW}),
    "Mutation.callNext": frozenset({WINDOW}),
    "Mutation.closeWindow": frozenset({WINDOW}),
    "Mutation.endDay": frozenset({MANAGER}),
    "Mutation.finishServing": frozenset({WINDOW}),
    "Mutation.hangTicket": frozenset({WINDOW}),
    "Mutation.openExtraSession": frozenset({MANAGER}),
    "Query.businessRules": frozenset({MANAGER}),
    "Query.homeVisits": frozenset({WINDOW}),
    "Query.previewClosure": frozenset({MANAGER}),
    "Query.queueFigures": frozenset({MANAGER, STATISTICIAN}),
    "Query.previewOpeningException": frozenset({MANAGER}),
    "Query.previewRules": frozenset({MANAGER}),
    "Query.sessionClosure": frozenset({MANAGER}),
    "Query.sessionClosures": frozenset({MANAGER}),
    "Mutation.closeSession": frozenset({MANAGER}),
    "Mutation.removeOpeningException": frozenset({MANAGER}),
    "Mutation.setBusinessRules": frozenset({MANAGER}),
    "Mutation.setOpeningException": frozenset({MANAGER}),
    "Mutation.openWindow": frozenset({WINDOW}),
    "Mutation.passTicket": frozenset({WINDOW}),
    "Mutation.pauseWindow": frozenset({WINDOW}),
    "Mutation.recallTicket": frozenset({WINDOW}),
    "Mutation.rejoinAtDesk": frozenset({WINDOW}),
    "Mutation.resumeTicket": frozenset({WINDOW}),
    "Mutation.setWindowSkills": frozenset({MANAGER}),
    "Mutation.startServing": frozenset({WINDOW}),
    "Mutation.takeNumberAtDesk": frozenset({WINDOW}),
    "Mutation.transferTicket": frozenset({WINDOW}),
    "Mutation.unpauseWindow": frozenset({WINDOW}),
    # Days of money.
    "Query.moneyTasks": frozenset({CASHIER}),
    "Query.statement": frozenset({CASHIER}),
    "Query.statements": frozenset({CASHIER}),
    "Query.takings": frozenset({CASHIER}),
    "Query.unitReport": frozenset({CASHIER, STATISTICIAN}),
    "Mutation.closeMoneyTask": frozenset({CASHIER}),
    "Mutation.countTill": frozenset({CASHIER}),
    "Mutation.reconcileAgain": frozenset({CASHIER}),
    "Mutation.recordRemittance": frozenset({CASHIER}),
    "Mutation.signOff": frozenset({CASHIER}),
    # Booking credit, and booking at a window.
    "Query.bookingsAtDesk": frozenset({WINDOW}),
    "Query.creditAppeal": frozenset({MANAGER}),
    "Query.creditExemptions": frozenset({WINDOW}),
    "Query.pendingAppeals": frozenset({MANAGER}),
    "Mutation.bookAtDesk": frozenset({WINDOW}),
    "Mutation.cancelAtDesk": frozenset({WINDOW}),
    "Mutation.decideAppeal": frozenset({MANAGER}),
    "Mutation.endCreditExemption": frozenset({WINDOW}),
    "Mutation.excuseBooking": frozenset({MANAGER, WINDOW}),
    "Mutation.grantCreditExemption": frozenset({WINDOW}),
    "Mutation.moveAtDesk": frozenset({WINDOW}),
    # What residents wrote and a platform doubted.
    "Query.textsToReview": frozenset({MANAGER}),
    "Mutation.reviewText": frozenset({MANAGER}),
    # Acting for others, with the papers at a window.
    "Query.mandatesAtWindow": frozenset({WINDOW}),
    "Query.representationClaim": frozenset({WINDOW}),
    "Query.representationClaims": frozenset({WINDOW}),
    "Mutation.confirmRepresentationClaim": frozenset({WINDOW}),
    "Mutation.endMandateAtWindow": frozenset({WINDOW}),
    "Mutation.grantMandateAtWindow": frozenset({WINDOW}),
    "Mutation.refuseRepresentationClaim": frozenset({WINDOW}),
    "Mutation.registerLegalPerson": frozenset({WINDOW}),
    # The words residents are told in.
    "Query.failedMessages": frozenset({SYSTEM}),
    "Query.messageKinds": frozenset({SYSTEM}),
    "Query.messageTemplates": frozenset({SYSTEM}),
    "Query.previewTemplate": frozenset({SYSTEM}),
    "Mutation.draftTemplate": frozenset({SYSTEM}),
    "Mutation.publishTemplate": frozenset({SYSTEM}),
    "Mutation.retireTemplate": frozenset({SYSTEM}),
    # Accounts of staff, and what was done.
    "Query.auditLines": frozenset({AUDITOR}),
    "Query.staffAccount": _KEEPERS,
    "Query.staffAccounts": _KEEPERS,
    "Mutation.changeStaff": frozenset({SYSTEM}),
    "Mutation.createStaff": frozenset({SYSTEM}),
    "Mutation.disableStaff": frozenset({SYSTEM}),
    "Mutation.enableStaff": frozenset({SYSTEM}),
    "Mutation.grantRoles": frozenset({SECURITY}),
    "Mutation.resetPassword": frozenset({SECURITY}),
    "Mutation.resetSecondFactor": frozenset({SECURITY}),
    # Machines of the halls.
    "Query.devices": frozenset({SYSTEM}),
    "Mutation.registerDevice": frozenset({SYSTEM}),
    "Mutation.revokeDevice": frozenset({SYSTEM}),
}

NAMES_NOBODY: dict[str, str] = {
    "Arrival": "tickets",
    "Alternative": "id text",
    "AppealInFull": "appeal",
    "AppealedVisit": "bookingId state late itemKeys slot",
    "AssuranceLevel": "level nameZh name purpose ways",
    "AuditLine": "id at actor act subject result person requestId detail",
    "Bill": (
        "id number kind description totalFen refundedFen state issuedAt dueAt paidAt anyoneMayPay lines stateText"
        " kindText collectingUnit receipt link"
    ),
    "BillLine": "code name amountFen quantity exemptFen basis standard standardText",
    "BillOfSomebody": "bill",
    "BillRefunds": "billId billNumber refundedFen refundableFen lines refunds",
    "Booking": "id state itemKey party until bookedAt heldUntil late itemKeys slot calendar ticket deposit link",
    "BookingRules": "daysAhead releaseTime partyMost depositFen liveMost cancelBeforeMinutes earlyMinutes graceMinutes",
    "BusinessRules": (
        "slotMinutes windows perWindow walkInShare deskShare daysAhead releaseTime minLevel partyMost liveMost perDay"
        " depositFen perWeek perMonth minutesByItem holdMinutes cancelBeforeMinutes offerMinutes earlyMinutes"
        " graceMinutes radiusMetres creditRules exemptAge waitingRoom gatherMinutes admittedPerSecond rushMinutes"
        " challengeAbove ticketsADay walkInFrom walkInUntil waitingWarning recallsMost rejoinsMost rejoinBehind"
        " bookedInARow walkInPatienceMinutes own version"
    ),
    "BusinessNow": "category categoryName waiting windows crowd called expectedWait numbersGiven whyNot",
    "CalledNumber": "code window",
    "Capability": "code name on",
    "Carrier": "code nameZh",
    "CarrierMonth": "carrier carrierName payer parcels oursFen billedFen unbilled differences payerText",
    "CarrierReport": "rows csv",
    "CarrierSettlement": "lines matched tasks",
    "Case": (
        "id number state decision deliveryMethod submittedAt acceptedAt dueAt dueIsProvisional decidedAt closedAt"
        " stateText item nextStep bill booking parcel parcels events applicant link"
    ),
    "CaseEvent": "at verb state",
    "CaseToPost": "id number dueAt itemName divisionCode",
    "ClaimInFull": "claim claimant",
    "ClosurePreview": "slots bookings movable",
    "Courier": "name phone",
    "CourierOffer": "carrier carrierName payer windowNeeded feeFen payerText",
    "CreditRule": "fault count withinDays consequence days liveAtMost",
    "DayPreview": "day category added removed changed kept bookings",
    "CreditAppeal": "id state madeAt decidedAt visit groundsStanding",
    "CreditExemption": "id grantedAt validUntil endedAt",
    "DayEnded": "tickets",
    "DeliveryTask": (
        "id kind about parcelId carrierName trackingNumber caseNumbers detail state openedAt closedAt remark kindText"
    ),
    "Department": "key name creditCode",
    "DoubtedText": "id kind standing concern checkedAt",
    "Device": "id kind servicePoint name registeredAt seenAt revokedAt",
    "DeviceRegistered": "device",
    "ExpectedWait": "low high text",
    "ExtraSession": "slots",
    "Fee": "key name amountFen unit rule group when basis",
    "FreePlaces": "day places",
    "HandOverSheet": "parcels pdf hasMore",
    "HandedOver": "parcels",
    "HallBoard": "servicePoint businesses",
    "HallHours": "open close",
    "HallNow": "servicePoint waiting crowd free",
    "HomeVisit": "bookingId startsAt until party itemKeys",
    "LastSignIn": "at address device failuresSince",
    "LegalBasis": "law article",
    "Limit": "value unit note text",
    "Link": "url codeUrl",
    "Mandate": "id basis state items validFrom validTo endedAt basisText stateText principal",
    "Material": (
        "order name necessity condition source originalCopies photoCopies replacedByELicence tolerable"
        " commitmentReplaceable"
    ),
    "FailedMessage": "id kind subject state stateText madeAt attempts",
    "MessageAttempt": "channel state code tries triedAt",
    "MessageKind": "key name values",
    "MessageTemplate": (
        "id key channel language version state stateText providerTemplate subscription page entries title body"
        " draftedAt publishedAt retiredAt"
    ),
    "TemplateEntry": "name text options",
    "TemplatePreview": "title body fields",
    "TemplateValue": "name example",
    "MinutesOfItem": "itemKey minutes",
    "MoneyMoved": "paidFen surplusFen refundedFen",
    "MoneyTask": (
        "id kind kindText state about billNumber channel day unit oursFen theirsFen code openedAt closedAt resolution"
    ),
    "NextThing": "code text",
    "OneTimePassword": "account",
    "OpeningException": "day category periods reason",
    "OpeningExceptionRemoved": "day category",
    "OpeningPreview": "fingerprint added removed changed kept bookings days",
    "OpeningPeriod": "weekday open close",
    "OwnAccount": "staff login secondFactor passwordChangedAt duty",
    "PageInfo": "hasNextPage endCursor",
    "Parcel": (
        "id direction carrier carrierName trackingNumber payer weightG feeFen needsIdentity orderNo orderState"
        " orderRemark pickupFrom pickupUntil state stateAt deliveredTo expectedFrom expectedUntil receivedAt watch"
        " watchRemark stateText directionText payerText orderText cancellable confirmable courier caseIds timeline"
        " latestEvent link"
    ),
    "ParcelEvent": "at text place state stateText",
    "PaymentChannel": "code name",
    "Principal": "id basis items validTo basisText kind creditCode",
    "PrivacyNotice": "version effectiveFrom paragraphs purposes",
    "Problem": "code message field retryable retryAfterSeconds suggestedId alternatives ways requestId",
    "ProcessStep": "order name actor limitWorkingDays",
    "ProofMethod": "code name level channel",
    "PurposeInWords": "code name data ground law",
    "Question": "question answer",
    "NumberCounts": "taken served passed abandoned booked bookedShare",
    "QueueFigure": "hall business hour window numbers waiting serving visits work withheld",
    "QueueFigures": "rows csv",
    "Receipt": "id kind code number checkCode amountFen state issuedAt voidedAt redNumber kindText stateText",
    "Refund": (
        "id billId billNumber description amountFen reason state requestedAt decidedAt refundedAt lines stateText"
        " reasonText atWindow remarkStanding"
    ),
    "RefundShare": "line name amountFen",
    "RefundableLine": "line name paidFen refundableFen",
    "Remittance": "rows",
    "Representation": "mandate agents",
    "RepresentationClaim": "id basis state madeAt decidedAt stateText",
    "Resident": "id level createdAt",
    "RetentionPeriod": "domain kind name days basisZh",
    "RuleName": "field name",
    "ServiceItem": (
        "key version implementCode itemType handlingType visitCount onlineDepth bookable resultByPost proxyAllowed name"
        " minLevel statutoryLimit promisedLimit fees materials conditions legalBasis processSteps questions visitReason"
        " resultName department servicePoints"
    ),
    "ServicePoint": "key name kind level address latitude longitude windows opening",
    "Session": "id device channel bindingId maskedAddress createdAt refreshedAt expiresAt ended current",
    "SessionClosure": ("id category closesFrom closesUntil reason askedAt bookings moved offered cancelled finishedAt"),
    "SessionsRevoked": "count",
    "SignedIn": "tokens resident",
    "SignedOut": "done",
    "Slot": "id category categoryName layer day startsAt endsAt capacity free opensAt servicePoint",
    "SlotPlan": "startsAt endsAt capacity taken bookable",
    "Spread": "p50 p90 mean",
    "Staff": "id title roles roleTitles department division",
    "StaffAccount": "staff login active secondFactor passwordIsOwn lockedUntil",
    "StaffSignedIn": "tokens staff lastSignIn duty",
    "Statement": "id channel day state payments refunds paidFen refundedFen feesFen fetchedAt reconciledAt signedAt",
    "StatementInFull": "statement rows ledger ledgerAgrees openTasks",
    "TakenNumber": "ticket waiting warning",
    "Takings": "channel day cashierId payments takenFen givenBackFen inTillFen counted",
    "Ticket": (
        "id code category categoryName channel green state calls transferredFrom takenAt calledAt ahead expectedWait "
        "window link"
    ),
    "TillCounted": "channel day signedOff",
    "UnitDue": (
        "unit unitName treasuryLevel division channel paidFen refundedFen feesFen toHandOverFen handedOverFen leftFen"
    ),
    "UnitReport": "rows csv",
    "UnknownPush": "id tracker carrier trackingNumber receivedAt deliveries",
    "VerifiedReceipt": ("kind code number amountFen collectingUnit issuedOn state redNumber kindText stateText"),
    "WaitingRoom": "gathersFrom opensAt until admittedPerSecond commitment seed",
    "VisitCounts": "due missed missedShare",
    "VisitFor": "itemKey caseId caseNumber",
    "WaitingFor": "category count",
    "Window": "id number servicePoint categories open paused pauseReason skills",
    "WindowDesk": "window ticket waiting upcoming hung visitFor",
    "WindowSkill": "category priority",
    "WindowUse": "openSeconds servingSeconds utilisation",
}
"""Fields that hold no personal data of a resident and no secret. Connections and their edges go by their nodes."""

IS_PERSONAL: dict[str, str] = {
    "AppealInFull": "grounds",
    "Applicant": "name idNumber phone",
    "Arrival": "maskedName",
    "BillOfSomebody": "maskedName",
    "Case": "maskedApplicant reason",
    "CaseToPost": "maskedReceiver maskedPhone",
    "ClaimInFull": "subjectName subjectNumber",
    "Claimant": "name maskedIdNumber",
    "CreditAppeal": "answer",
    "CreditExemption": "ground",
    "DoubtedText": "written",
    "HomeVisit": "receiver phone divisionCode detail",
    "Mandate": "maskedAgent",
    "Principal": "name",
    "Refund": "remark answer maskedName",
    "RepresentationClaim": "subjectName reason",
    "Resident": "maskedName maskedIdNumber maskedPhone",
    "ShippingLabel": "receiver phone divisionCode detail",
    "Ticket": "holder",
}
"""Fields that say something of a person; each has its place in a table of who sees how much."""

IS_SECRET: dict[str, str] = {
    "DeviceRegistered": "token",
    "Receipt": "pdfUrl",
    "ReceiptDocument": "url expiresAt",
    "OneTimePassword": "password",
    "SecondFactorEnrolment": "secret uri",
    "Tokens": "access accessExpiresAt refresh",
}
"""Shown once, to whom it belongs or who hands it over."""

_BILLS = {
    "Query.unitBill",
    "Query.unitBills",
    "Mutation.cancelNotice",
    "Mutation.collectAtWindow",
    "Mutation.exemptBill",
    "Mutation.issueNotice",
    "Mutation.renewBill",
}
_CASE_ENTRIES = {"Query.case", "Query.desk"} | {
    f"Mutation.{verb}" for verb in ("acceptCase", "approveCase", "denyCase", "handOverResult")
}
_APPEALS = {"Query.creditAppeal", "Query.pendingAppeals", "Mutation.decideAppeal"}
_AT_DESK = {"Query.bookingsAtDesk"} | {
    f"Mutation.{verb}" for verb in ("bookAtDesk", "cancelAtDesk", "excuseBooking", "moveAtDesk")
}
_REFUNDS = {"Query.billRefunds", "Query.unitRefunds"} | {
    f"Mutation.{verb}"
    for verb in (
        "approveRefund",
        "confirmWindowRefund",
        "declineRefund",
        "giveUpRefund",
        "requestRefund",
        "retryRefund",
        "returnWhatCame",
    )
}
REACHED_FROM: dict[str, set[str]] = {
    "AppealInFull": {"Query.creditAppeal"},
    "Arrival": {"Mutation.checkInAtDesk"},
    "Applicant": {*_CASE_ENTRIES, "Query.applicant"},
    "Case": _CASE_ENTRIES,
    "CaseToPost": {"Query.casesToPost"},
    "CreditAppeal": _APPEALS,
    "CreditExemption": {"Query.creditExemptions", "Mutation.endCreditExemption", "Mutation.grantCreditExemption"},
    "ClaimInFull": {"Query.representationClaim"},
    "Claimant": {"Query.representationClaim"},
    "DoubtedText": {"Query.textsToReview", "Mutation.reviewText"},
    "Refund": _REFUNDS,
    "Resident": {"Mutation.signIn"},
    "HomeVisit": {"Query.homeVisits"},
    "ShippingLabel": {"Query.shippingLabel"},
    "Parcel": {
        *_CASE_ENTRIES,
        "Query.handOverSheet",
        "Query.parcelsWithNumber",
        *(
            f"Mutation.{verb}"
            for verb in (
                "cancelCourier",
                "confirmReceipt",
                "declareLost",
                "handOver",
                "postCases",
                "receiveMaterials",
                "registerParcel",
                "returnMaterials",
                "scanReturn",
            )
        ),
    },
    "Bill": {*_CASE_ENTRIES, *_BILLS, *_AT_DESK},
    "BillOfSomebody": {"Query.unitBill", "Query.unitBills"},
    "Receipt": {*_CASE_ENTRIES, *_BILLS, *_AT_DESK, "Query.billReceipts", "Mutation.voidReceipt"},
    "ReceiptDocument": {"Query.receiptToPrint"},
    "Booking": _CASE_ENTRIES | _AT_DESK,
    "AuditLine": {"Query.auditLines"},
    "DeviceRegistered": {"Mutation.registerDevice"},
    "OneTimePassword": {"Mutation.resetPassword"},
    "SecondFactorEnrolment": {"Mutation.beginSecondFactor"},
    "Ticket": {
        *_CASE_ENTRIES,
        *_AT_DESK,
        "Query.myWindow",
        *(
            f"Mutation.{verb}"
            for verb in (
                "abandonTicket",
                "callNext",
                "checkInAtDesk",
                "checkInAtDesk",
                "finishServing",
                "hangTicket",
                "passTicket",
                "recallTicket",
                "rejoinAtDesk",
                "resumeTicket",
                "startServing",
                "takeNumberAtDesk",
                "transferTicket",
            )
        ),
    },
    "Tokens": {"Mutation.refreshSession", "Mutation.signIn", "Mutation.staffSignIn"},
}
"""By which entries staff can come to a type at all, however deep: no path leads around."""
