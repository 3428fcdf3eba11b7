package result

import (
	"strings"

	"github.com/streamforge/gnn-trainer/kafka"
)

var baselineTexts = map[string]kafka.Text{
	"prior":          {Russian: "доли классов", English: "class shares"},
	"reversal_1":     {Russian: "разворот за 1 бар", English: "1-bar reversal"},
	"deviation_3":    {Russian: "отклонение от среднего за 3 бара", English: "deviation from the 3-bar mean"},
	"deviation_12":   {Russian: "отклонение от среднего за 12 баров", English: "deviation from the 12-bar mean"},
	"deviation_48":   {Russian: "отклонение от среднего за 48 баров", English: "deviation from the 48-bar mean"},
	"range_position": {Russian: "положение закрытия в диапазоне бара", English: "close's position in the bar's range"},
	"momentum_24":    {Russian: "импульс за 24 бара", English: "24-bar momentum"},
	"low_volatility": {Russian: "низкая волатильность", English: "low volatility"},
	"lightgbm":       {Russian: "деревья с бустингом (LightGBM)", English: "boosted trees (LightGBM)"},
	"ridge":          {Russian: "гребневая регрессия", English: "ridge regression"},
	"no_edges":       {Russian: "та же сеть без рёбер", English: "same network without edges"},
	"with_edges":     {Russian: "сеть с рёбрами", English: "network with edges"},
	"mixer":          {Russian: "миксер без графа", English: "mixer without a graph"},
	"shuffled_edges": {Russian: "та же сеть с перемешанными рёбрами", English: "same network with shuffled edges"},
}

// BaselineText is the name of a baseline as a sentence has it.
func BaselineText(name string) kafka.Text {
	if t, ok := baselineTexts[name]; ok {
		return t
	}
	words := strings.ReplaceAll(name, "_", " ")
	return kafka.Text{Russian: words, English: words}
}
