package kafka

import "fmt"

// Text is a message in each language an event can speak.
type Text struct{ Russian, English string }

// In is the text in lang.
func (t Text) In(lang Lang) string {
	if lang == English {
		return t.English
	}
	return t.Russian
}

// What Loading events say.
var (
	LoadingData   = Text{"Загрузка данных", "Loading data"}
	BuildingGraph = Text{"Построение графа", "Building the graph"}
	Training      = Text{"Обучение модели", "Training the model"}
	StoringModel  = Text{"Сохранение модели", "Storing the model"}
)

// Words are what the first and the last event of a kind of run say.
type Words struct{ Started, Interrupted, Finished Text }

// The kinds of runs. A Telemetry is of a training unless it is given another one.
var (
	OfTraining = Words{
		Text{"Обучение запущено", "Training started"}, Text{"Обучение прервано", "Training interrupted"}, Text{"Обучение завершено", "Training finished"},
	}
	OfPrediction = Words{
		Text{"Прогноз запущен", "Prediction started"}, Text{"Прогноз прерван", "Prediction interrupted"}, Text{"Прогноз готов", "Prediction finished"},
	}
)

// What the other events say; the verbs are filled in by Telemetry.
var (
	textEpoch = Text{"Эпоха %d завершена, loss: %.4f", "Epoch %d finished, loss: %.4f"}
	textError = Text{"Ошибка: %v", "Error: %v"}
)

// BarSkipped says that the bars from one open time to another are not predicted, and
// why.
func BarSkipped(from, to, why string) Text {
	if from == to {
		return Text{fmt.Sprintf("Бар %s пропущен: %s", from, why), fmt.Sprintf("Bar %s is skipped: %s", from, why)}
	}
	return Text{fmt.Sprintf("Бары с %s по %s пропущены: %s", from, to, why), fmt.Sprintf("Bars %s to %s are skipped: %s", from, to, why)}
}
