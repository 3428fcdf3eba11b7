#include "textflag.h"
#include "go_asm.h"

// func correlateAVX(p *pairRow, m int)
//
// What correlateFrom does, on eight nodes at a time: the same operations in the
// same order, no product fused with a sum, so the same bits.
TEXT ·correlateAVX(SB), NOSPLIT, $0-16
	MOVQ p+0(FP), AX
	MOVQ m+8(FP), CX
	MOVQ pairRow_products(AX), DI
	MOVQ pairRow_entering(AX), SI
	MOVQ pairRow_leaving(AX), DX
	MOVQ pairRow_sum(AX), R8
	MOVQ pairRow_scale(AX), R9
	MOVQ pairRow_floor(AX), R10
	MOVQ pairRow_correlation(AX), R11
	MOVQ pairRow_exceedsOwn(AX), R12
	MOVQ pairRow_exceedsOther(AX), R13
	VBROADCASTSD pairRow_ownEntering(AX), Y0
	VBROADCASTSD pairRow_ownLeaving(AX), Y1
	VBROADCASTSD pairRow_ownMean(AX), Y2
	VBROADCASTSD pairRow_ownScale(AX), Y3
	VBROADCASTSS pairRow_ownFloor(AX), Y4
	XORQ BX, BX

eight:
	// Y5 and Y8: the products of four nodes each, brought on.
	VMULPD (SI)(BX*8), Y0, Y5
	VMULPD 32(SI)(BX*8), Y0, Y8
	VMULPD (DX)(BX*8), Y1, Y6
	VMULPD 32(DX)(BX*8), Y1, Y9
	VSUBPD Y6, Y5, Y5
	VSUBPD Y9, Y8, Y8
	VADDPD (DI)(BX*8), Y5, Y5
	VADDPD 32(DI)(BX*8), Y8, Y8
	VMOVUPD Y5, (DI)(BX*8)
	VMOVUPD Y8, 32(DI)(BX*8)

	// Y5: their correlations in float32.
	VMULPD (R8)(BX*8), Y2, Y6
	VMULPD 32(R8)(BX*8), Y2, Y9
	VSUBPD Y6, Y5, Y5
	VSUBPD Y9, Y8, Y8
	VMULPD Y3, Y5, Y5
	VMULPD Y3, Y8, Y8
	VMULPD (R9)(BX*8), Y5, Y5
	VMULPD 32(R9)(BX*8), Y8, Y8
	VCVTPD2PSY Y5, X5
	VCVTPD2PSY Y8, X8
	VINSERTF128 $1, X8, Y5, Y5
	VMOVUPS Y5, (R11)(BX*4)

	// Which exceed the floors: 0x1E is greater than, false for NaN.
	VCMPPS $0x1E, Y4, Y5, Y6
	VCMPPS $0x1E, (R10)(BX*4), Y5, Y7
	VMOVMSKPS Y6, AX
	MOVB AX, (R12)
	VMOVMSKPS Y7, AX
	MOVB AX, (R13)

	INCQ R12
	INCQ R13
	ADDQ $8, BX
	CMPQ BX, CX
	JLT eight
	VZEROUPPER
	RET
