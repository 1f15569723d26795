package cpu_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/internal/cpu"
)

func TestUseNeverExceedsTheMachine(t *testing.T) {
	defer cpu.Use(cpu.Active())
	require.Equal(t, cpu.Best(), cpu.Use(cpu.AVX512+1))
	require.Equal(t, cpu.Best(), cpu.Active())
	require.Equal(t, cpu.Portable, cpu.Use(-1))
	require.Equal(t, cpu.Portable, cpu.Active())
}

func TestNames(t *testing.T) {
	require.Equal(t, "portable avx2 avx512", cpu.Portable.String()+" "+cpu.AVX2.String()+" "+cpu.AVX512.String())
}
