"""Portuguese remarks of which review comments are put together."""

DELIGHTED = (
    "Adorei, superou minhas expectativas",
    "Produto excelente, igualzinho ao da foto",
    "Chegou antes do prazo e muito bem embalado",
    "Ótimo custo-benefício, recomendo de olhos fechados",
    "Já é a terceira vez que compro aqui e nunca tive problema",
    "Material de ótima qualidade, acabamento impecável",
    "Minha mãe amou o presente, até chorou",
    "Atendimento nota dez, responderam tudo rapidinho",
    "Encaixou perfeitamente, nem precisei de adaptação",
    'Vendedor atencioso, mandou até um bilhetinho de "obrigado"',
    "Som muito bom, só faltou um manual em português",
    "Cor linda, tecido macio, não desbotou na lavagem",
    "Fácil de montar: levei uns vinte minutos, sozinha",
    "Voltarei a comprar com certeza",
    "Tudo certo com a nota fiscal e a garantia",
)
CONTENT = (
    "Produto bom, mas a caixa chegou um pouco amassada",
    "Entrega no prazo, embalagem simples",
    "Gostei, só achei o tamanho menor do que imaginava",
    "Cumpre o que promete, nada além disso",
    "A cor é um tom mais escura que a da página, porém bonita",
    "Demorou uns dias a mais, mas valeu a espera",
    "Funciona bem até agora, vamos ver a duração",
    "O cabo poderia ser mais comprido",
    "Bom para o preço; não espere coisa de primeira linha",
    'O rastreio ficou parado no "em trânsito" quase até o fim',
)
CROSS = (
    "Ainda não recebi e ninguém dá uma explicação",
    "Comprei dois e só veio um, cadê o outro?",
    "Veio o modelo errado, pedi 110 V e mandaram 220 V",
    "Produto chegou quebrado, embalagem sem nenhuma proteção",
    "Péssimo atendimento, já mandei três e-mails",
    "Quero a devolução do meu dinheiro, por favor",
    'Na descrição dizia "couro legítimo", mas é plástico',
    "Parou de funcionar na primeira semana",
    "Os Correios dizem que foi entregue, só que aqui não chegou nada",
    "Faltam peças e parafusos, impossível montar",
    "Tecido transparente, costura torta, não dá para usar",
    "Cobraram o frete e mesmo assim tive que buscar na agência",
    "Decepção total, não compro mais",
)
ASIDES = (
    "Parabéns à equipe",
    "Fica a sugestão: melhorem o rastreamento",
    "Att, Conceição",
    "Abraços de São Luís",
    "Obrigado pela atenção",
    "Aguardo retorno",
    "Sugiro incluir as medidas no anúncio",
    "Era para o aniversário do meu irmão",
    "Espero que ajude outros compradores",
    "Edição: depois de um mês, continuo com a mesma opinião",
)
SHORT = (
    "Bonzinho",
    "Tudo ok por aqui",
    "Bom demais",
    "Amei!",
    "Podem levar sem medo",
    "top demais",
    "Tudo nos conformes",
    "Não gostei",
    "Nada a reclamar",
    "👍",
)

GOOD_TITLES = (
    "Recomendo muito",
    "Ótima compra",
    "Adorei",
    "Muito satisfeito",
    "Simplesmente perfeito",
    "5 estrelas",
    "Excelente!",
)
FAIR_TITLES = ("Razoável", "Bom, com ressalvas", "Dá para o gasto", "Esperava mais", "achei regular")
POOR_TITLES = (
    "Não chegou",
    "Chegou com defeito, uma pena",
    "Péssima experiência",
    'Veio "trocado"',
    "Cadê meu pedido?",
)
