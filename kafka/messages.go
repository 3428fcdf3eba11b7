package kafka

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

// What the other events say; the verbs are filled in by Telemetry.
var (
	textStarted     = Text{"Обучение запущено", "Training started"}
	textEpoch       = Text{"Эпоха %d завершена, loss: %.4f", "Epoch %d finished, loss: %.4f"}
	textInterrupted = Text{"Обучение прервано", "Training interrupted"}
	textError       = Text{"Ошибка: %v", "Error: %v"}
	textFinished    = Text{"Обучение завершено", "Training finished"}
)
